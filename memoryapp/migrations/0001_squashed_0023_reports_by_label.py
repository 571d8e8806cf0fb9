"""All tables of this app up to 0023, made at once on an empty database.

The migrations it replaces stay for databases that have run some of them.
tests/project/test_squashed_migrations.py compares what both make.
"""

from importlib import import_module

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pgvector.django.halfvec
import uuid
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension

from memoryapp.squashed import Squashed

# SQL that is in no model, as these wrote it; what they filled is empty here.
search = import_module('memoryapp.migrations.0005_agents_side')
tally = import_module('memoryapp.migrations.0006_browsing')
cache = import_module('memoryapp.migrations.0014_invitations')
words = import_module('memoryapp.migrations.0020_words_found_at_once')


class Migration(Squashed):

    replaces = [
        ('memoryapp', '0001_initial'),
        ('memoryapp', '0002_practice_in_full'),
        ('memoryapp', '0003_imported_bullets'),
        ('memoryapp', '0004_stages_and_scopes'),
        ('memoryapp', '0005_agents_side'),
        ('memoryapp', '0006_browsing'),
        ('memoryapp', '0007_review_desk'),
        ('memoryapp', '0008_origins'),
        ('memoryapp', '0009_webhooks'),
        ('memoryapp', '0010_receipts_counted'),
        ('memoryapp', '0011_near_twins'),
        ('memoryapp', '0012_facets'),
        ('memoryapp', '0013_bulk_changes'),
        ('memoryapp', '0014_invitations'),
        ('memoryapp', '0015_trust'),
        ('memoryapp', '0016_revision_is_automatic'),
        ('memoryapp', '0017_exports'),
        ('memoryapp', '0018_export_heartbeat'),
        ('memoryapp', '0019_lists_of_millions'),
        ('memoryapp', '0020_words_found_at_once'),
        ('memoryapp', '0021_unusual_use'),
        ('memoryapp', '0022_deleted_workspaces'),
        ('memoryapp', '0023_reports_by_label'),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('slug', models.SlugField(unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Playbook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('slug', models.SlugField(max_length=64)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('token_budget', models.PositiveIntegerField(default=8000, help_text='0 means no limit.')),
                ('counters', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='playbooks', to='memoryapp.workspace')),
                ('requires_evaluation', models.BooleanField(default=False, help_text='Publish only what passed an evaluation.')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'slug'), name='one_slug_per_workspace')],
            },
        ),
        migrations.CreateModel(
            name='Bullet',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('label', models.CharField(max_length=80)),
                ('section', models.CharField(max_length=60)),
                ('content', models.TextField()),
                ('rule', models.JSONField(blank=True, null=True)),
                ('status', models.CharField(choices=[('approved', 'Approved'), ('stale', 'Stale'), ('retired', 'Retired')], default='approved', max_length=10)),
                ('practice_helpful', models.PositiveIntegerField(default=0)),
                ('practice_harmful', models.PositiveIntegerField(default=0)),
                ('deployed_helpful', models.PositiveIntegerField(default=0)),
                ('deployed_harmful', models.PositiveIntegerField(default=0)),
                ('revision_count', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bullets', to='memoryapp.playbook')),
                ('verified_losses', models.PositiveIntegerField(default=0)),
                ('verified_wins', models.PositiveIntegerField(default=0)),
                ('imported', models.JSONField(default=dict)),
                ('wording', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='memoryapp.bulletrevision')),
                ('position', models.PositiveIntegerField(blank=True, null=True)),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('environment', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('evidence_count', models.PositiveIntegerField(db_default=0, default=0)),
                ('origin_kind', models.CharField(blank=True, db_default='', default='', max_length=20)),
                ('trust', models.PositiveSmallIntegerField(db_default=3, default=3)),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='bullet_tags'), models.Index(fields=['-updated_at', 'id'], name='bullet_newest'), models.Index(fields=['status', '-updated_at', 'id'], name='bullet_status'), models.Index(fields=['section', '-updated_at', 'id'], name='bullet_section'), models.Index(fields=['label'], name='bullet_label'), models.Index(fields=['origin_kind', '-updated_at', 'id'], name='bullet_origin'), models.Index(fields=['environment', '-updated_at', 'id'], name='bullet_environment'), models.Index(condition=models.Q(('evidence_count__gt', 0)), fields=['-updated_at', 'id'], name='bullet_with_evidence'), models.Index(condition=models.Q(('evidence_count', 0)), fields=['-updated_at', 'id'], name='bullet_without_evidence'), models.Index(condition=models.Q(('verified_wins__gt', 0)), fields=['-updated_at', 'id'], name='bullet_tried')],
                'constraints': [models.UniqueConstraint(fields=('playbook', 'label'), name='one_label_per_playbook')],
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('notes', models.CharField(blank=True, max_length=500)),
                ('document', models.JSONField()),
                ('bodies', models.JSONField(help_text='Format name to the text served.')),
                ('digests', models.JSONField(help_text='Format name to the SHA-256 of its text.')),
                ('bullet_count', models.PositiveIntegerField()),
                ('tokens', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='releases', to='memoryapp.playbook')),
                ('published_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('replacement', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='replaces', to='memoryapp.release')),
                ('withdrawal', models.CharField(blank=True, choices=[('', 'In use'), ('retired', 'Retired'), ('recalled', 'Recalled')], default='', max_length=8)),
                ('withdrawal_reason', models.CharField(blank=True, max_length=300)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('wordings', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, size=None)),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('playbook', 'number'), name='one_release_number')],
            },
        ),
        migrations.CreateModel(
            name='LabelMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('moved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='label_moves', to='memoryapp.playbook')),
                ('from_release', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='memoryapp.release')),
                ('to_release', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='memoryapp.release')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ReleaseLabel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(max_length=40)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='labels', to='memoryapp.playbook')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='labels', to='memoryapp.release')),
                ('canary', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='canary_labels', to='memoryapp.release')),
                ('canary_share', models.PositiveSmallIntegerField(default=0, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('canary_since', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(fields=('playbook', 'name'), name='one_release_per_label'), models.CheckConstraint(condition=models.Q(models.Q(('canary', None), ('canary_share', 0)), models.Q(('canary__isnull', False), ('canary_share__range', (1, 100))), _connector='OR'), name='canary_has_a_share')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('reviewer', 'Reviewer'), ('editor', 'Editor'), ('admin', 'Admin')], default='viewer', max_length=10)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='memoryapp.workspace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace', 'user'), name='one_membership_per_user')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=60)),
                ('subject_type', models.CharField(max_length=60)),
                ('subject_id', models.CharField(max_length=60)),
                ('subject_name', models.CharField(max_length=200)),
                ('data', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='memoryapp.workspace')),
                ('through', models.CharField(blank=True, max_length=120)),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
                'indexes': [models.Index(fields=['workspace', '-created_at'], name='memoryapp_e_workspa_e2954f_idx'), models.Index(fields=['workspace', 'kind', '-created_at'], name='events_of_kind'), models.Index(fields=['workspace', 'subject_id'], name='events_of_subject')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(max_length=12, unique=True)),
                ('secret_hash', models.CharField(max_length=64)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('playbooks:pull', 'Pull playbooks and search in them'), ('feedback:write', 'Report outcomes'), ('trajectories:write', 'Send trajectories'), ('read', 'Read everything'), ('write', 'Start runs, decide and publish'), ('admin', 'Administer: keys, exports and imports')], max_length=40), size=None)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='memoryapp.workspace')),
                ('playbooks', models.ManyToManyField(blank=True, related_name='+', to='memoryapp.playbook')),
                ('previous_hash', models.CharField(blank=True, max_length=64)),
                ('previous_until', models.DateTimeField(blank=True, null=True)),
                ('rate_limit', models.PositiveIntegerField(blank=True, help_text='Requests per minute; empty is the default, 0 no limit.', null=True)),
                ('rotated_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('name', models.CharField(max_length=120)),
                ('link', models.CharField(max_length=300)),
                ('passed', models.BooleanField(blank=True, null=True)),
                ('message', models.TextField(blank=True)),
                ('figures', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='evaluations', to='memoryapp.playbook')),
                ('release', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='evaluations', to='memoryapp.release')),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('playbook', 'link'), name='one_evaluation_per_link')],
            },
        ),
        migrations.CreateModel(
            name='EmbeddingModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20)),
                ('name', models.CharField(max_length=200)),
                ('dimensions', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('building', 'Building'), ('serving', 'Serving'), ('retired', 'Retired')], default='building', max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('served_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'name', 'dimensions'), name='one_row_per_embedding_model'), models.UniqueConstraint(condition=models.Q(('status', 'serving')), fields=('status',), name='one_embedding_model_serves')],
            },
        ),
        migrations.CreateModel(
            name='IdempotentRequest',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('caller', models.CharField(max_length=64)),
                ('key', models.CharField(max_length=255)),
                ('asked', models.CharField(help_text='SHA-256 of method, address and body.', max_length=64)),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('body', models.BinaryField(blank=True, null=True)),
                ('content_type', models.CharField(blank=True, max_length=120)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='memoryapp_i_created_d450ae_idx')],
                'constraints': [models.UniqueConstraint(fields=('caller', 'key'), name='one_answer_per_idempotency_key')],
            },
        ),
        migrations.CreateModel(
            name='PullReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('agent', models.CharField(blank=True, max_length=120)),
                ('label', models.CharField(blank=True, max_length=40)),
                ('form', models.CharField(max_length=20)),
                ('unchanged', models.BooleanField(default=False)),
                ('pulled_at', models.DateTimeField()),
                ('source', models.UUIDField()),
                ('number', models.PositiveBigIntegerField()),
                ('key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='receipts', to='memoryapp.apikey')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='receipts', to='memoryapp.release')),
            ],
            options={
                'ordering': ['-pulled_at', '-pk'],
                'indexes': [models.Index(fields=['release', '-pulled_at'], name='memoryapp_p_release_44216f_idx'), models.Index(fields=['-pulled_at', '-id'], name='receipts_newest'), models.Index(fields=['release', 'key', 'agent', '-pulled_at'], name='receipts_of_agent')],
                'constraints': [models.UniqueConstraint(fields=('source', 'number'), name='one_row_per_receipt')],
            },
        ),
        migrations.CreateModel(
            name='RecallTrace',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('query', models.TextField()),
                ('asked', models.JSONField(default=dict)),
                ('answer', models.JSONField(default=dict)),
                ('results', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='memoryapp.apikey')),
                ('release', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.release')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recall_traces', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['-created_at'],
                'indexes': [models.Index(fields=['workspace', '-created_at'], name='memoryapp_r_workspa_4b6f6b_idx')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('agent', models.CharField(blank=True, max_length=120)),
                ('task', models.CharField(max_length=200)),
                ('outcome', models.CharField(blank=True, choices=[('', 'Not said'), ('success', 'Success'), ('failure', 'Failure')], default='', max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reports', to='memoryapp.apikey')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reports', to='memoryapp.release')),
                ('label', models.CharField(blank=True, db_default='', default='', max_length=40)),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['release', 'label', 'outcome', 'created_at'], name='outcomes_by_label')],
                'constraints': [models.UniqueConstraint(fields=('release', 'task'), name='one_report_per_task')],
            },
        ),
        migrations.CreateModel(
            name='Vote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value', models.CharField(choices=[('helpful', 'Helpful'), ('harmful', 'Harmful'), ('neutral', 'Neutral')], max_length=7)),
                ('evidence', models.CharField(blank=True, max_length=2000)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('bullet', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='votes', to='memoryapp.bullet')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='votes', to='memoryapp.report')),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('report', 'bullet'), name='one_vote_per_task')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('page', models.CharField(help_text="The name of the list's address.", max_length=40)),
                ('name', models.CharField(max_length=60)),
                ('query', models.CharField(max_length=1000)),
                ('is_shared', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'owner', 'page', 'name'), name='one_view_per_name')],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('bullet', 'Bullet'), ('candidate', 'Candidate')], max_length=10)),
                ('status', models.CharField(max_length=10)),
                ('section', models.CharField(max_length=60)),
                ('use', models.CharField(max_length=10)),
                ('amount', models.IntegerField()),
                ('token_sum', models.BigIntegerField(default=0)),
                ('playbook', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memoryapp.playbook')),
                ('workspace', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memoryapp.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'playbook', 'kind'], name='memoryapp_t_workspa_343b31_idx')],
            },
        ),
        migrations.CreateModel(
            name='BulkDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(choices=[('approve', 'Approve'), ('reject', 'Reject'), ('assign', 'Assign'), ('undo', 'Undo')], max_length=10)),
                ('query', models.JSONField(help_text='The filter, or the ids that were chosen.')),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('total', models.PositiveIntegerField()),
                ('done_until', models.JSONField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('undoes', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.bulkdecision')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bulk_decisions', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='ReviewPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('reviewers', models.PositiveSmallIntegerField(default=1, help_text='How many people have to agree.')),
                ('protected_labels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('protected_reviewers', models.PositiveSmallIntegerField(default=2)),
                ('admit_from', models.FloatField(blank=True, help_text='Validator confidence from which nobody is asked.', null=True)),
                ('audit_share', models.FloatField(default=0.1, help_text='Of what was admitted so, 0 to 1.')),
                ('blind_share', models.FloatField(default=0.0, help_text='Of what people decide, 0 to 1.')),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='review_policies', to='memoryapp.playbook')),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('playbook', 'number'), name='one_policy_number')],
            },
        ),
        migrations.CreateModel(
            name='Candidate',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('op', models.CharField(choices=[('ADD', 'Add'), ('UPDATE', 'Update'), ('MERGE', 'Merge'), ('RETIRE', 'Retire')], max_length=6)),
                ('section', models.CharField(blank=True, max_length=60)),
                ('content', models.TextField(blank=True)),
                ('rule', models.JSONField(blank=True, null=True)),
                ('reason', models.TextField(blank=True)),
                ('dedup_key', models.CharField(blank=True, max_length=64)),
                ('seen_count', models.PositiveIntegerField(default=1)),
                ('origin_kind', models.CharField(blank=True, max_length=20)),
                ('origin_link', models.CharField(blank=True, max_length=300)),
                ('origin_name', models.CharField(blank=True, max_length=200)),
                ('scores', models.JSONField(blank=True, default=dict)),
                ('status', models.CharField(choices=[('pending', 'Waiting'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('superseded', 'Superseded')], default='pending', max_length=10)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decision_reason', models.CharField(blank=True, max_length=300)),
                ('decided_content', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('targets', models.ManyToManyField(blank=True, related_name='candidates', to='memoryapp.bullet')),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='candidates', to='memoryapp.playbook')),
                ('assigned_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('audit', models.CharField(blank=True, choices=[('due', 'Audit due'), ('upheld', 'Upheld'), ('overturned', 'Overturned')], max_length=10)),
                ('confidence', models.FloatField(blank=True, null=True)),
                ('proposed_against', models.JSONField(blank=True, default=dict)),
                ('superseded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='supersedes', to='memoryapp.candidate')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.workspace')),
                ('policy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='memoryapp.reviewpolicy')),
                ('bands', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), editable=False, null=True, size=None)),
                ('origin_environment', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('trust', models.PositiveSmallIntegerField(db_default=2, default=2)),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'status', 'created_at', 'id'], name='queue_of_workspace'), models.Index(fields=['playbook', 'status', 'created_at', 'id'], name='queue_of_playbook'), models.Index(fields=['workspace', 'status', 'section', 'created_at', 'id'], name='queue_of_section'), models.Index(fields=['workspace', 'status', 'op', 'created_at', 'id'], name='queue_of_op'), models.Index(fields=['workspace', 'origin_name', 'status', 'created_at', 'id'], name='queue_of_origin'), models.Index(condition=models.Q(('assigned_to__isnull', False)), fields=['assigned_to', 'status', 'created_at', 'id'], name='queue_of_person'), models.Index(condition=models.Q(('audit', ''), _negated=True), fields=['workspace', 'audit', 'created_at', 'id'], name='queue_of_audits'), models.Index(condition=models.Q(('decided_at__isnull', False)), fields=['decided_by', 'decided_at'], name='decided_by_person'), models.Index(fields=['playbook', 'confidence'], name='candidate_confidence'), django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector(django.db.models.functions.text.Left('content', 100000), config='simple'), name='candidate_words'), models.Index(fields=['origin_link'], name='candidate_origin'), django.contrib.postgres.indexes.GinIndex(condition=models.Q(('status', 'pending')), fields=['bands'], name='candidate_bands'), models.Index(fields=['workspace', 'origin_environment', '-created_at'], name='newest_of_world')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'pending'), models.Q(('dedup_key', ''), _negated=True)), fields=('playbook', 'dedup_key'), name='one_waiting_candidate_per_lesson')],
            },
        ),
        migrations.CreateModel(
            name='BulletRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.TextField()),
                ('section', models.CharField(max_length=60)),
                ('status', models.CharField(choices=[('approved', 'Approved'), ('stale', 'Stale'), ('retired', 'Retired')], max_length=10)),
                ('rule', models.JSONField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('bullet', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='memoryapp.bullet')),
                ('candidate', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='revisions', to='memoryapp.candidate')),
                ('is_automatic', models.BooleanField(db_default=False, default=False)),
            ],
            options={
                'ordering': ['-number'],
                'constraints': [models.UniqueConstraint(fields=('bullet', 'number'), name='one_revision_number')],
            },
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(default='step', max_length=20)),
                ('link', models.CharField(blank=True, max_length=300)),
                ('group', models.CharField(blank=True, help_text='The task it belongs to.', max_length=200)),
                ('number', models.PositiveIntegerField(default=0)),
                ('tool', models.CharField(blank=True, max_length=200)),
                ('arguments', models.JSONField(blank=True, default=dict)),
                ('excerpt', models.TextField(blank=True)),
                ('is_error', models.BooleanField(default=False)),
                ('duration_ms', models.PositiveIntegerField(default=0)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='evidence', to='memoryapp.candidate')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('candidate', 'digest'), name='one_row_per_evidence')],
                'indexes': [models.Index(django.contrib.postgres.indexes.OpClass('link', name='varchar_pattern_ops'), name='evidence_page')],
            },
        ),
        migrations.CreateModel(
            name='BulletVector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('vector', pgvector.django.halfvec.HalfVectorField()),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.playbook')),
                ('revision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vectors', to='memoryapp.bulletrevision')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='vectors', to='memoryapp.embeddingmodel')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('revision', 'model'), name='one_vector_per_wording_and_model')],
            },
        ),
        migrations.CreateModel(
            name='BulkOutcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('done', models.BooleanField()),
                ('message', models.CharField(blank=True, max_length=500)),
                ('bulk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='memoryapp.bulkdecision')),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.candidate')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('bulk', 'candidate'), name='one_outcome_per_candidate')],
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='memoryapp.candidate')),
            ],
            options={
                'ordering': ['created_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expires_at', models.DateTimeField()),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reservations', to='memoryapp.candidate')),
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='reservation', to='memoryapp.membership')),
            ],
        ),
        migrations.CreateModel(
            name='Trail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('link', models.CharField(max_length=300)),
                ('steps', models.JSONField()),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='trails', to='memoryapp.candidate')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('candidate', 'link'), name='one_trail_per_trajectory')],
            },
        ),
        migrations.CreateModel(
            name='ReviewVote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decision', models.CharField(choices=[('approved', 'Approved'), ('rejected', 'Rejected')], max_length=10)),
                ('content', models.TextField(blank=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('blind', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('candidate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='votes', to='memoryapp.candidate')),
                ('reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['created_at', 'pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('candidate', 'reviewer'), name='one_standing_vote_per_person')],
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('url', models.URLField(max_length=500)),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('release.published', 'A release was published'), ('release.recalled', 'A release was recalled'), ('run.finished', 'A run ended'), ('review.waiting', 'Something waits for review'), ('incident.analyzed', 'An incident was analyzed'), ('use.unusual', 'Somebody did unusually much in an hour')], max_length=40), size=None)),
                ('is_active', models.BooleanField(default=True)),
                ('message', models.CharField(blank=True, max_length=300)),
                ('sealed_secret', models.TextField()),
                ('sealed_previous', models.TextField(blank=True)),
                ('previous_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('payload', models.JSONField()),
                ('collapse', models.CharField(blank=True, max_length=120)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='memoryapp.webhook')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
                'indexes': [models.Index(fields=['webhook', '-created_at'], name='memoryapp_d_webhook_c2c298_idx'), models.Index(condition=models.Q(('status', 'waiting')), fields=['next_try_at'], name='due_deliveries')],
            },
        ),
        migrations.CreateModel(
            name='DeliveryTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('status_code', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('duration_ms', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='memoryapp.delivery')),
            ],
            options={
                'ordering': ['number', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='PullCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(blank=True, max_length=40)),
                ('day', models.DateField()),
                ('pulls', models.PositiveBigIntegerField(default=0)),
                ('unchanged', models.PositiveBigIntegerField(default=0)),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pull_counts', to='memoryapp.release')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('release', 'label', 'day'), name='one_count_per_day')],
            },
        ),
        migrations.CreateModel(
            name='ReceiptSource',
            fields=[
                ('source', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('highest', models.PositiveBigIntegerField()),
                ('stored', models.PositiveBigIntegerField()),
                ('last_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='BulkChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(choices=[('retire', 'Retire'), ('restore', 'Restore'), ('move', 'Move to a section'), ('tag', 'Add a tag'), ('untag', 'Remove a tag'), ('undo', 'Undo')], max_length=10)),
                ('query', models.JSONField(help_text='The filter, and the ids that were chosen of it.')),
                ('value', models.CharField(blank=True, max_length=60)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('total', models.PositiveIntegerField()),
                ('done_until', models.UUIDField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('undoes', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.bulkchange')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bulk_changes', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='BulkChangeOutcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('done', models.BooleanField()),
                ('message', models.CharField(blank=True, max_length=500)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('bulk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='memoryapp.bulkchange')),
                ('bullet', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='memoryapp.bullet')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('bulk', 'bullet'), name='one_outcome_per_bullet')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('reviewer', 'Reviewer'), ('editor', 'Editor'), ('admin', 'Admin')], max_length=10)),
                ('for_whom', models.CharField(blank=True, max_length=150)),
                ('token_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('accepted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='memoryapp.workspace')),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='WorkspaceExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('removed', 'Removed')], default='queued', max_length=10)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('rows', models.PositiveBigIntegerField(default=0)),
                ('size', models.PositiveBigIntegerField(default=0, help_text='bytes')),
                ('digest', models.CharField(blank=True, help_text='SHA-256 of the file', max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exports', to='memoryapp.workspace')),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveIntegerField(db_default=0, default=0)),
            ],
            options={
                'ordering': ['-created_at', '-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running'])), fields=('workspace',), name='one_export_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='ExportPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('data', models.BinaryField()),
                ('export', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='memoryapp.workspaceexport')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('export', 'number'), name='one_piece_per_number')],
            },
        ),
        migrations.RunSQL(search.SEARCH_COLUMNS, search.DROP_SEARCH_COLUMNS),
        migrations.RunSQL(words.AT_ONCE, words.LATER),
        migrations.RunSQL(tally.CREATE, tally.DROP),
        migrations.RunSQL(cache.CREATE_CACHE, cache.DROP_CACHE),
    ]
