{{- define "greenroom.labels" -}}
app.kubernetes.io/name: greenroom
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "greenroom.name" -}}
{{- printf "%s-greenroom" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "greenroom.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "greenroom.settings" -}}
GREENROOM_DATA_DIR: /data
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* What every container is given: settings, the secret, a user without rights. Takes root, and the
     end of the name of the ConfigMap; and of a part that is allowed more, what it is. */}}
{{- define "greenroom.container" -}}
{{- $from := .from -}}
{{- $allowed := .allowed | default dict -}}
{{- with .root -}}
image: {{ include "greenroom.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy | default (ternary "IfNotPresent" "Always" (not (empty .Values.image.digest))) }}
envFrom:
  - configMapRef: {name: {{ include "greenroom.name" . }}-{{ $from }}}
  - secretRef: {name: {{ required "existingSecret must name a Secret with DATABASE_URL, REDIS_URL and SECRET_KEY." .Values.existingSecret }}}
{{- end }}
securityContext: {{- toYaml (mergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) $allowed) | nindent 2 }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Takes root, and of a part that is allowed more, what it is. */}}
{{- define "greenroom.pod" -}}
automountServiceAccountToken: false
securityContext: {{- toYaml (mergeOverwrite (dict "runAsNonRoot" true "runAsUser" 10001 "runAsGroup" 10001 "fsGroup" 10001 "seccompProfile" (dict "type" "RuntimeDefault")) (.allowed | default dict)) | nindent 2 }}
{{- with .root }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: data
    persistentVolumeClaim: {claimName: {{ .Values.data.existingClaim | default (include "greenroom.name" .) }}}
  - {name: tmp, emptyDir: {}}
{{- end }}
{{- end }}

{{/* One part: a Deployment. Takes root, part, replicas, strategy, and lines of the container. */}}
{{- define "greenroom.deployment" -}}
{{- $root := .root -}}
{{- $own := index $root.Values .part -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "greenroom.name" $root }}-{{ .part }}
  labels: {{- include "greenroom.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
spec:
  replicas: {{ .replicas }}
  strategy: {type: {{ .strategy | default "RollingUpdate" }}}
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ $root.Release.Name }}
      app.kubernetes.io/component: {{ .part }}
  template:
    metadata:
      labels: {{- include "greenroom.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .part }}
      annotations:
        # A changed setting restarts what reads it.
        checksum/settings: {{ toJson $root.Values.settings | sha256sum }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "greenroom.pod" (dict "root" $root "allowed" $own.podSecurityContext) | nindent 6 }}
      {{- if eq (toString $own.hostUsers) "false" }}
      hostUsers: false
      {{- end }}
      terminationGracePeriodSeconds: {{ .grace | default 30 }}
      containers:
        - name: {{ .part }}
          {{- include "greenroom.container" (dict "root" $root "from" "settings" "allowed" $own.securityContext) | nindent 10 }}
          # The pod is taken out of its service while this waits, so that no request comes after the
          # part was told to stop.
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
          {{- .container | nindent 10 }}
          resources: {{- toYaml .resources | nindent 12 }}
{{- end }}
