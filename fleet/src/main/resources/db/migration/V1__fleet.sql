-- The tables of the server. What changes with each report is narrow and has no index on what
-- changes, so that PostgreSQL can write the new version of a row beside the old one (a HOT update);
-- what many hosts have in common is written once, and counted.

-- ---- secrets ----

-- Keys of hosts are derived from the newest generation; see HostKeys.
CREATE TABLE secret (
    generation integer PRIMARY KEY,
    master     bytea NOT NULL CHECK (length(master) = 32),
    created    timestamptz NOT NULL DEFAULT now()
);

-- ---- rings and enrolment ----

-- A host is in the first ring, by position, that has its tag; the last ring has all others.
CREATE TABLE ring (
    name     text PRIMARY KEY,
    position integer NOT NULL UNIQUE,
    tags     text[] NOT NULL DEFAULT '{}'
);
INSERT INTO ring (name, position, tags) VALUES
    ('canary', 1, '{canary}'), ('early', 2, '{early}'), ('all', 3, '{}');

CREATE TABLE enrolment_token (
    sha256     bytea PRIMARY KEY,
    tag        text NOT NULL,
    created    timestamptz NOT NULL,
    created_by text NOT NULL,
    expires    timestamptz NOT NULL,
    used       timestamptz,
    host       uuid
);

-- ---- hosts ----

-- What never changes of a host.
CREATE TABLE host (
    id         uuid PRIMARY KEY,
    public_key bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
    machine    bytea NOT NULL CHECK (length(machine) = 32),
    enrolled   timestamptz NOT NULL
);

-- Requests for a key that were answered, for as long as the same one could be sent again.
CREATE TABLE key_request (
    host    uuid NOT NULL,
    nonce   bytea NOT NULL,
    expires timestamptz NOT NULL,
    PRIMARY KEY (host, nonce)
);

CREATE TABLE cve_name (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id     text NOT NULL UNIQUE
);

-- CVE states that hosts have in common: numbers of cve_name, sorted, one list for each state.
CREATE TABLE cve_set (
    id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest            bytea NOT NULL UNIQUE,
    closed            integer[] NOT NULL,
    closed_unreviewed integer[] NOT NULL,
    partly            integer[] NOT NULL,
    pending           integer[] NOT NULL,
    refused           integer[] NOT NULL,
    unknown           integer[] NOT NULL,
    created           timestamptz NOT NULL DEFAULT now()
);

-- What few values are there for, once for all hosts that have the same; with how many these are.
-- Everything that is counted or filtered is counted and filtered here.
CREATE TABLE system_class (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest          bytea NOT NULL UNIQUE,
    ring            text NOT NULL,
    tag             text NOT NULL,
    os              text,
    agent           text,
    release         text,
    build_id        text,
    package_version text,
    next_release    text,
    secure_boot     boolean,
    lockdown        text,
    reboot_required boolean,
    in_force        text[] NOT NULL,
    in_transition   text[] NOT NULL,
    foreign_ones    text[] NOT NULL,
    cve_set         integer NOT NULL REFERENCES cve_set,
    hosts           integer NOT NULL DEFAULT 0 CHECK (hosts >= 0),
    created         timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- What changes with each report.
CREATE TABLE host_state (
    host     uuid PRIMARY KEY,
    seen     timestamptz NOT NULL,
    sequence bigint NOT NULL,
    class    integer NOT NULL,
    silent   boolean NOT NULL DEFAULT false,
    facts    bytea,
    hostname text COLLATE "C" NOT NULL
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.1);
CREATE INDEX host_state_by_class ON host_state (class, hostname, host);
CREATE INDEX host_state_by_name ON host_state (hostname, host);
CREATE INDEX host_state_silent ON host_state (hostname, host) WHERE silent;

-- The last report with facts as it came, deflated; SHA-256 of it in host_state.facts.
CREATE TABLE host_facts (
    host     uuid PRIMARY KEY,
    received timestamptz NOT NULL,
    body     bytea NOT NULL
) WITH (fillfactor = 60, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.1);
ALTER TABLE host_facts ALTER COLUMN body SET STORAGE EXTERNAL;

-- How many hosts were last seen in each ten minutes: seconds since 1970, divided by 600.
CREATE TABLE presence (
    bucket integer PRIMARY KEY,
    hosts  integer NOT NULL CHECK (hosts >= 0)
) WITH (fillfactor = 50);

-- Hosts of which authentic messages came in the wrong order: two machines with one identity.
CREATE TABLE suspected_clone (
    host     uuid PRIMARY KEY,
    messages bigint NOT NULL,
    last     timestamptz NOT NULL
);

-- ---- attempts ----

CREATE TABLE attempt (
    number             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                 uuid NOT NULL UNIQUE,
    host               uuid NOT NULL,
    ring               text NOT NULL,
    action             text NOT NULL,
    livepatch          text NOT NULL,
    sha256             bytea NOT NULL,
    build_id           text NOT NULL,
    state_version      integer NOT NULL,
    started            timestamptz NOT NULL,
    expires            timestamptz NOT NULL,
    outcome            text,
    finished           timestamptz,
    exit_status        integer,
    transition_seconds double precision,
    problems           jsonb
);
CREATE INDEX attempt_of_host ON attempt (host, number);
CREATE INDEX attempt_open ON attempt (expires) WHERE outcome IS NULL;
CREATE INDEX attempt_of_livepatch ON attempt (sha256, number);

-- ---- people and programs ----

CREATE TABLE account (
    id       uuid PRIMARY KEY,
    name     text NOT NULL UNIQUE,
    role     text NOT NULL,
    password text,
    created  timestamptz NOT NULL,
    disabled boolean NOT NULL DEFAULT false
);

CREATE TABLE api_token (
    id      uuid PRIMARY KEY,
    sha256  bytea NOT NULL UNIQUE,
    account uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    name    text NOT NULL,
    scopes  text[] NOT NULL,
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX api_token_of_account ON api_token (account);

-- One-time links: the first administrator's.
CREATE TABLE setup_link (
    sha256  bytea PRIMARY KEY,
    expires timestamptz NOT NULL,
    used    timestamptz
);

-- Wrong passwords, for as long as they count.
CREATE TABLE failed_login (
    name text NOT NULL,
    at   timestamptz NOT NULL
);
CREATE INDEX failed_login_by_name ON failed_login (name, at);

-- ---- audit log ----

-- bytes is Canonical JSON, with the SHA-256 of the entry before; sha256 is that of bytes.
CREATE TABLE audit_entry (
    number  bigint PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    bytes   bytea NOT NULL,
    sha256  bytea NOT NULL
);
CREATE INDEX audit_entry_by_action ON audit_entry (action, number);
CREATE INDEX audit_entry_by_subject ON audit_entry (subject, number);

CREATE TABLE audit_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number   bigint NOT NULL,
    sha256   bytea NOT NULL
);
INSERT INTO audit_head (number, sha256) VALUES (0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END
$$;
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_entry_all_stay BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- ---- exposure ----

CREATE TABLE cve_detail (
    number          integer PRIMARY KEY REFERENCES cve_name,
    title           text NOT NULL,
    severity        text NOT NULL,
    known_exploited boolean NOT NULL
);

-- What `rebootless cves --json` said of a kernel build: numbers of cve_name, sorted.
CREATE TABLE kernel_exposure (
    build_id        text PRIMARY KEY,
    release         text NOT NULL,
    package_version text NOT NULL,
    compared_to     text NOT NULL,
    told            timestamptz NOT NULL,
    exposed         integer[] NOT NULL,
    not_loaded      integer[] NOT NULL,
    unknown         integer[] NOT NULL
);

-- ---- jobs ----

-- As db-scheduler 16 wants it.
CREATE TABLE scheduled_tasks (
    task_name            text NOT NULL,
    task_instance        text NOT NULL,
    task_data            bytea,
    execution_time       timestamptz,
    picked               boolean NOT NULL,
    picked_by            text,
    last_success         timestamptz,
    last_failure         timestamptz,
    consecutive_failures integer,
    last_heartbeat       timestamptz,
    version              bigint NOT NULL,
    priority             smallint,
    PRIMARY KEY (task_name, task_instance)
);
CREATE INDEX scheduled_tasks_by_time ON scheduled_tasks (execution_time);
CREATE INDEX scheduled_tasks_by_heartbeat ON scheduled_tasks (last_heartbeat);
CREATE INDEX scheduled_tasks_by_priority ON scheduled_tasks (priority DESC, execution_time ASC);
