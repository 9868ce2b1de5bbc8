-- Rollouts, and what has to be known of hosts for them.

-- plan and state are JSON, as RolloutJson has them; revision counts the changes of the state.
CREATE TABLE rollout (
    name       text PRIMARY KEY,
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),
    build_id   text NOT NULL,
    plan       jsonb NOT NULL,
    state      jsonb NOT NULL,
    revision   integer NOT NULL,
    going      boolean NOT NULL,
    created    timestamptz NOT NULL,
    created_by text NOT NULL
);
-- Two at once would tell the same hosts two things.
CREATE UNIQUE INDEX rollout_going ON rollout (build_id) WHERE going;
CREATE INDEX rollout_of_livepatch ON rollout (sha256, created);

-- The boot that a host reported last; and when it first reported another one than that of an
-- attempt: the end of the last report before it, for a host may crash and be away for long.
ALTER TABLE host_state ADD COLUMN boot text;
ALTER TABLE attempt ADD COLUMN booted_again timestamptz;
