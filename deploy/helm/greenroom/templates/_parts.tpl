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
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "greenroom.settings" -}}
GREENROOM_DATA_DIR: /data
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* What every container is given: settings, the secret, a user without rights. Takes root, and the
     end of the name of the ConfigMap. */}}
{{- define "greenroom.container" -}}
{{- $from := .from -}}
{{- with .root -}}
image: {{ include "greenroom.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
envFrom:
  - configMapRef: {name: {{ include "greenroom.name" . }}-{{ $from }}}
  - secretRef: {name: {{ required "existingSecret must name a Secret with DATABASE_URL, REDIS_URL and SECRET_KEY." .Values.existingSecret }}}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "greenroom.pod" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
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

{{/* One part: a Deployment. Takes root, part, replicas, strategy, and lines of the container. */}}
{{- define "greenroom.deployment" -}}
{{- $root := .root -}}
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
      {{- include "greenroom.pod" $root | nindent 6 }}
      terminationGracePeriodSeconds: {{ .grace | default 30 }}
      containers:
        - name: {{ .part }}
          {{- include "greenroom.container" (dict "root" $root "from" "settings") | nindent 10 }}
          # The pod is taken out of its service while this waits, so that no request comes after the
          # part was told to stop.
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
          {{- .container | nindent 10 }}
          resources: {{- toYaml .resources | nindent 12 }}
{{- end }}
