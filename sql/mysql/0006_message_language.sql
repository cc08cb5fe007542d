-- Messages are worded in the language of whoever caused them.
--
-- A file may be run again from its beginning, and MySQL knows no ADD COLUMN IF
-- NOT EXISTS: so what is there already is not added again.

SET @change_outbox = IF(
    (SELECT COUNT(*)
       FROM information_schema.columns
      WHERE table_schema = DATABASE()
        AND table_name   = 'outbox'
        AND column_name  = 'language'),
    'DO 0',
    'ALTER TABLE outbox ADD COLUMN language VARCHAR(16) NOT NULL DEFAULT ''en'''
);

PREPARE change_outbox FROM @change_outbox;

EXECUTE change_outbox;

DEALLOCATE PREPARE change_outbox;
