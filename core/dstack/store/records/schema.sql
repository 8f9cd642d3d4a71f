-- What is known of every run. Times are milliseconds since 1970, by the wall clock; what is called elapsed are
-- milliseconds since the run was submitted, by CLOCK_MONOTONIC, and null where an older dstack recorded the time.
-- Digests are hexadecimal text, statuses the words of records.hpp. A change of this file needs a new user_version and a migration.

pragma application_id = 0x6473746b;  -- 'dstk'
pragma user_version = 10;

create table project (
  id integer primary key,
  path text not null unique,
  root_commit text not null default '',
  remote text not null default ''
);

-- The highest number ever given to a pair of words, so that the name of a removed run is not reused.
create table run_name (
  pair text primary key,
  last integer not null
) without rowid;

create table run (
  id integer primary key autoincrement,  -- never used again: folders and processes may still know an old one
  name text not null unique,
  project integer not null references project,
  target text not null,
  status text not null,
  machine text not null,
  submitted_at integer not null,
  boot text not null default '',  -- the one of the machine to which clock_zero belongs
  clock_zero integer not null default 0,  -- what CLOCK_MONOTONIC said when nothing had elapsed
  started_at integer,
  started_elapsed integer,
  finished_at integer,
  finished_elapsed integer,
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

-- The two questions asked all the time: what is unfinished, and what is the newest of a project.
create index run_unfinished on run (id) where finished_at is null;
create index run_of_project on run (project);

-- Apart from the run: a listing of runs must not wade through plans.
create table plan (
  run integer primary key references run on delete cascade,
  json text not null
);

-- Trees that a run was given beside its code: copies of inputs, artifacts of tags. What a run needs of the store is
-- these, its code, its artifacts and its edits; nothing else keeps an object from being removed.
create table run_input (
  run integer not null references run on delete cascade,
  tree text not null,
  times text not null,
  primary key (run, tree, times)
) without rowid;

-- What removed runs needed, until what nobody else needs of it has gone from the store.
create table removed_tree (
  id integer primary key autoincrement,
  tree text not null,
  times text not null
);

create table workflow (
  run integer not null references run on delete cascade,
  number integer not null,
  name text not null,
  provider text not null,
  status text not null,
  cause text,
  exit_code integer,
  signal integer,
  started_at integer,
  started_elapsed integer,
  finished_at integer,
  finished_elapsed integer,
  jobs integer not null,
  stop text not null default 'none',
  primary key (run, number),
  check ((finished_at is not null) = (status in ('done', 'failed', 'stopped', 'aborted', 'skipped')))
) without rowid;

create table job (
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
  started_elapsed integer,
  finished_at integer,
  finished_elapsed integer,
  steps integer not null default 0,  -- how many rows of history there are
  peak_memory integer,  -- what it took: bytes, and milliseconds
  largest_process integer,
  cpu_time integer,
  bytes_read integer,
  bytes_written integer,
  warnings text not null default '[]',  -- sentences, as JSON
  workspace text not null default '',  -- how it was made
  primary key (run, number),
  check ((finished_at is not null) = (status in ('done', 'failed', 'stopped', 'aborted', 'skipped')))
) without rowid;

-- What came after 'submitted', whose time is the run's.
create table history (
  run integer not null references run on delete cascade,
  job integer not null,
  step integer not null,
  status text not null,
  at integer not null,
  elapsed integer,
  cause text,
  reason text not null,
  primary key (run, job, step)
) without rowid;

create table artifact (
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

-- What people open in a browser, as the job's runner reported it; that of an earlier attempt is replaced.
create table app (
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

-- What a job changed in its copy of the code, beside its artifacts.
create table edits (
  run integer not null references run on delete cascade,
  job integer not null,
  tree text not null,
  times text not null,
  files integer not null,
  bytes integer not null,
  removed text not null,  -- paths, as JSON
  exposure text not null default 'null',  -- as of an artifact
  primary key (run, job)
) without rowid;

-- Notifications of the run's end, from that moment on.
create table notification (
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
create index notification_waiting on notification (run) where status = 'waiting';

-- No cascade: a tagged run cannot be removed.
create table tag (
  project integer not null references project,
  workflow text not null,
  tag text not null,
  run integer not null references run,
  created_at integer not null,
  combination text not null default '',  -- of a sweep; empty: all of the workflow
  primary key (project, workflow, tag)
) without rowid;
create index tag_of_run on tag (run);

-- Whatever went wrong in the program: what has ended stays as it ended.
create trigger run_stays_ended before update of status, finished_at on run
when old.finished_at is not null and (new.status is not old.status or new.finished_at is not old.finished_at)
begin
  select raise(abort, 'the run has ended, and its status never changes again');
end;

create trigger workflow_stays_ended before update of status, finished_at, cause, exit_code, signal on workflow
when old.finished_at is not null
  and (new.status is not old.status or new.finished_at is not old.finished_at or new.cause is not old.cause
       or new.exit_code is not old.exit_code or new.signal is not old.signal)
begin
  select raise(abort, 'the workflow has ended, and its status never changes again');
end;

create trigger job_stays_ended before update of status, finished_at, cause, exit_code, signal on job
when old.finished_at is not null
  and (new.status is not old.status or new.finished_at is not old.finished_at or new.cause is not old.cause
       or new.exit_code is not old.exit_code or new.signal is not old.signal)
begin
  select raise(abort, 'the job has ended, and its status never changes again');
end;
