"""A step refers to a text of its own workspace, and what is stored is found from its object.

Steps are the largest table: its index is built without a lock, and a step that is a row alone
pays nothing for the check. docs/adr/0007 says why triggers.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from memoryapp.resumable import Resumable

CHECK = """
CREATE OR REPLACE FUNCTION greenroom_workspace_of_storedtext(bigint) RETURNS bigint
LANGUAGE sql STABLE AS $body$ SELECT workspace_id FROM practice_storedtext WHERE id = $1 $body$;
CREATE OR REPLACE FUNCTION greenroom_check_practice_step() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF greenroom_workspace_of_attempt(NEW.attempt_id)
     <> greenroom_workspace_of_storedtext(NEW.text_id) THEN
    RAISE EXCEPTION 'A row of practice_step would join two workspaces.'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $body$;
DROP TRIGGER IF EXISTS one_workspace ON practice_step;
CREATE TRIGGER one_workspace AFTER INSERT OR UPDATE OF attempt_id, text_id ON practice_step
FOR EACH ROW WHEN (NEW.text_id IS NOT NULL) EXECUTE FUNCTION greenroom_check_practice_step();
DROP TRIGGER IF EXISTS stays ON practice_storedtext;
CREATE TRIGGER stays BEFORE UPDATE OF workspace_id ON practice_storedtext FOR EACH ROW
WHEN (OLD.workspace_id IS DISTINCT FROM NEW.workspace_id) EXECUTE FUNCTION greenroom_stays();
"""
BACK = """
DROP TRIGGER stays ON practice_storedtext;
DROP TRIGGER one_workspace ON practice_step;
DROP FUNCTION greenroom_check_practice_step();
DROP FUNCTION greenroom_workspace_of_storedtext(bigint);
"""


class Migration(Resumable):

    dependencies = [
        ('practice', '0017_stored_texts'),
    ]

    operations = [
        migrations.RunSQL(CHECK, BACK),
        AddIndexConcurrently(
            model_name='step',
            index=models.Index(condition=models.Q(('text__isnull', False)), fields=['text'], name='step_text'),
        ),
    ]
