pragma user_version=5;
BEGIN TRANSACTION;
CREATE TABLE app (
  run integer not null references run on delete cascade,
  job integer not null,
  number integer not null,
  name text not null,
  url text not null,  -- with the job's token, where the address takes it
  password text not null,  -- the token, where it is typed in
  state text not null,
  ready_at integer,
  primary key (run, job, number)
) without rowid;
CREATE TABLE artifact (
  run integer not null references run on delete cascade,
  workflow text not null,
  path text not null,
  tree text not null,
  times text not null,
  files integer not null,
  bytes integer not null,
  partial integer not null,
  exposure text not null default 'null',  -- secrets of the job that stand in it: names and files, as JSON
  primary key (run, workflow, path)
) without rowid;
CREATE TABLE edits (
  run integer not null references run on delete cascade,
  job integer not null,
  tree text not null,
  times text not null,
  files integer not null,
  bytes integer not null,
  removed text not null,  -- paths, as JSON
  primary key (run, job)
) without rowid;
CREATE TABLE history (
  run integer not null references run on delete cascade,
  job integer not null,
  step integer not null,
  status text not null,
  at integer not null,
  cause text,
  reason text not null,
  primary key (run, job, step)
) without rowid;
INSERT INTO "history" VALUES(1,0,1,'running',1796013783952,NULL,'');
INSERT INTO "history" VALUES(1,1,1,'queued',1796013783943,NULL,'waits for prepare');
CREATE TABLE job (
  run integer not null references run on delete cascade,
  number integer not null,
  workflow integer not null,
  id text not null,
  status text not null,
  reason text not null default '',
  cause text,
  exit_code integer,
  signal integer,
  started_at integer,
  finished_at integer,
  steps integer not null default 0,  -- how many rows of history there are
  peak_memory integer,  -- what it took: bytes, and milliseconds
  largest_process integer,
  cpu_time integer,
  bytes_read integer,
  bytes_written integer,
  primary key (run, number),
  check ((finished_at is not null) = (status in ('done', 'failed', 'stopped', 'aborted', 'skipped')))
) without rowid;
INSERT INTO "job" VALUES(1,0,0,'b9f64007d764','running','',NULL,NULL,NULL,1796013783952,NULL,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "job" VALUES(1,1,1,'b9f64007d765','queued','waits for prepare',NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE notification (
  run integer not null references run on delete cascade,
  number integer not null,
  id text not null,
  receiver text not null,
  status text not null default 'waiting',
  attempts integer not null default 0,
  reason text not null default '',
  tried_at integer,
  next_at integer,
  primary key (run, number)
) without rowid;
CREATE TABLE plan (
  run integer primary key references run on delete cascade,
  json text not null
);
INSERT INTO "plan" VALUES(1,'{"plan":{"project":"/home/me/project","git":{"remote":"","branch":"","commit":"","root_commit":"","dirty":false},"target":"train","run_name":"able-deer-1","arguments":[],"base":[["LANG","C.UTF-8","base"],["PATH","/usr/local/bin:/usr/bin:/bin","base"]],"workflows":[{"name":"prepare","provider":"bash","provider_version":"0.1.0","provider_path":"/usr/lib/dstack/plugins/bash.so","inputs":[],"variables":[],"properties":{"commands":["echo prepared by the earlier version","mkdir -p data && echo 1 > data/x","while [ ! -e /tmp/go-old ]; do sleep 0.05; done"],"artifacts":["data"]}},{"name":"train","provider":"bash","provider_version":"0.1.0","provider_path":"/usr/lib/dstack/plugins/bash.so","inputs":[{"workflow":"prepare","producer":0}],"variables":[],"properties":{"commands":["echo \"trained on $(cat data/x)\"","mkdir -p model && cp data/x model/y"],"artifacts":["model"]}}],"jobs":[{"workflow":0,"spec":{"commands":["echo prepared by the earlier version","mkdir -p data && echo 1 > data/x","while [ ! -e /tmp/go-old ]; do sleep 0.05; done"],"artifacts":["data"],"workspace":"private"},"environment":[],"notices":[]},{"workflow":1,"spec":{"commands":["echo \"trained on $(cat data/x)\"","mkdir -p model && cp data/x model/y"],"artifacts":["model"],"workspace":"private"},"environment":[],"notices":[]}],"notices":[]},"parallel":2,"stop_grace":10000,"job_ids":["b9f64007d764","b9f64007d765"],"code":{"tree":["b4b3ad744fbc23f7fc1ac67232711497762f71dfd51f30d2e2627c3ed8b388e4","8a68607d815a74f069a7f687be4f9ac679beed809bc867080ca5cc825bb5beb9",1,408],"remote":"","branch":"","commit":"","root_commit":"","dirty":false}}');
CREATE TABLE project (
  id integer primary key,
  path text not null unique,
  root_commit text not null default '',
  remote text not null default ''
);
INSERT INTO "project" VALUES(1,'/home/me/project','','');
CREATE TABLE run (
  id integer primary key autoincrement,  -- never used again: folders and processes may still know an old one
  name text not null unique,
  project integer not null references project,
  target text not null,
  status text not null,
  machine text not null,
  submitted_at integer not null,
  started_at integer,
  finished_at integer,
  first_failure integer not null default -1,
  stop text not null default 'none',
  tag_on_success text not null default '',
  code_tree text not null,
  code_times text not null,
  code_files integer not null,
  code_bytes integer not null,
  git_remote text not null,
  git_branch text not null,
  git_commit text not null,
  git_root_commit text not null,
  git_dirty integer not null,
  check ((finished_at is not null) = (status in ('done', 'failed', 'stopped', 'aborted', 'skipped')))
);
INSERT INTO "run" VALUES(1,'able-deer-1',1,'train','running','3d1219c7c4c5404aaa1f6d2a48adfda4',1796013783928,1796013783952,NULL,-1,'none','','b4b3ad744fbc23f7fc1ac67232711497762f71dfd51f30d2e2627c3ed8b388e4','8a68607d815a74f069a7f687be4f9ac679beed809bc867080ca5cc825bb5beb9',1,408,'','','','',0);
CREATE TABLE run_name (
  pair text primary key,
  last integer not null
) without rowid;
INSERT INTO "run_name" VALUES('able-deer',1);
CREATE TABLE tag (
  project integer not null references project,
  workflow text not null,
  tag text not null,
  run integer not null references run,
  created_at integer not null,
  primary key (project, workflow, tag)
) without rowid;
CREATE TABLE workflow (
  run integer not null references run on delete cascade,
  number integer not null,
  name text not null,
  provider text not null,
  status text not null,
  cause text,
  exit_code integer,
  signal integer,
  started_at integer,
  finished_at integer,
  jobs integer not null,
  stop text not null default 'none',
  primary key (run, number),
  check ((finished_at is not null) = (status in ('done', 'failed', 'stopped', 'aborted', 'skipped')))
) without rowid;
INSERT INTO "workflow" VALUES(1,0,'prepare','bash','running',NULL,NULL,NULL,1796013783952,NULL,1,'none');
INSERT INTO "workflow" VALUES(1,1,'train','bash','queued',NULL,NULL,NULL,NULL,NULL,1,'none');
CREATE INDEX run_unfinished on run (id) where finished_at is null;
CREATE INDEX run_of_project on run (project);
CREATE INDEX notification_waiting on notification (run) where status = 'waiting';
CREATE INDEX tag_of_run on tag (run);
CREATE TRIGGER run_stays_ended before update of status, finished_at on run
when old.finished_at is not null and (new.status is not old.status or new.finished_at is not old.finished_at)
begin
  select raise(abort, 'the run has ended, and its status never changes again');
end;
CREATE TRIGGER workflow_stays_ended before update of status, finished_at, cause, exit_code, signal on workflow
when old.finished_at is not null
  and (new.status is not old.status or new.finished_at is not old.finished_at or new.cause is not old.cause
       or new.exit_code is not old.exit_code or new.signal is not old.signal)
begin
  select raise(abort, 'the workflow has ended, and its status never changes again');
end;
CREATE TRIGGER job_stays_ended before update of status, finished_at, cause, exit_code, signal on job
when old.finished_at is not null
  and (new.status is not old.status or new.finished_at is not old.finished_at or new.cause is not old.cause
       or new.exit_code is not old.exit_code or new.signal is not old.signal)
begin
  select raise(abort, 'the job has ended, and its status never changes again');
end;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',1);
COMMIT;
