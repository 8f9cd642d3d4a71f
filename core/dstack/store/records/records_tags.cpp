// Tags, and the projects that they and runs belong to.
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/code.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <set>

#include <sys/stat.h>

namespace dstack::store {

namespace {

constexpr std::string_view tag_columns =
    "select tag.tag, tag.workflow, run.name, tag.created_at, tag.combination from tag join run on "
    "run.id = tag.run "
    "where tag.project = (select id from project where path = ?)";

Tag tag_from(const Query& query) {
  return {.tag = query.text(0),
          .workflow = query.text(1),
          .run = query.text(2),
          .created_at = timestamp(query.integer(3)),
          .combination = query.text(4)};
}

Result<std::optional<std::int64_t>> find_project(Database& database, std::string_view path) {
  DSTACK_TRY(Query query, database.query("select id from project where path = ?"));
  DSTACK_TRY(const bool row, query.bind(path).step());
  return row ? std::optional(query.integer(0)) : std::nullopt;
}

struct TagPlace {
  std::int64_t project = 0;
  std::string_view tag;
  RunId run = 0;
};

/// The run that a tag names now.
Result<std::optional<std::string>> tagged_run(Database& database,
                                              const TagPlace& place,
                                              const std::string& workflow) {
  DSTACK_TRY(Query query,
             database.query("select run.name from tag join run on run.id = tag.run "
                            "where tag.project = ? and tag.workflow = ? and tag.tag = ?"));
  DSTACK_TRY(const bool row, query.bind(place.project).bind(workflow).bind(place.tag).step());
  return row ? std::optional(query.text(0)) : std::nullopt;
}

Result<void> refuse_used(Database& database,
                         const TagPlace& place,
                         const std::vector<std::string>& workflows) {
  std::vector<Error> errors;
  for (const std::string& name : workflows) {
    const std::string workflow(sweep::workflow_of(name));
    DSTACK_TRY(const std::optional<std::string> used, tagged_run(database, place, workflow));
    if (!used)
      continue;
    errors.push_back(make_error(ErrorCode::conflict,
                                "the tag '{}' of workflow '{}' is in use: it names run '{}'",
                                place.tag,
                                workflow,
                                *used)
                         .with_hint("choose another name, or move it here with --force"));
  }
  if (errors.empty())
    return {};
  return fail(join(std::move(errors)));
}

/// `name`: with the combination that is tagged, if only one is.
Result<void> set_tag(Database& database, const TagPlace& place, const std::string& name) {
  DSTACK_TRY(
      Query query,
      database.query(
          "insert or replace into tag (project, workflow, tag, run, created_at, combination) "
          "values (?, ?, ?, ?, ?, ?)"));
  query.bind(place.project).bind(sweep::workflow_of(name)).bind(place.tag).bind(place.run);
  return query.bind(milliseconds(now())).bind(sweep::combination_of(name)).run();
}

Result<std::optional<RunId>> holder_of(Database& database,
                                       const TagPlace& place,
                                       const std::string& workflow) {
  DSTACK_TRY(Query query,
             database.query("select run from tag where project = ? and workflow = ? and tag = ?"));
  DSTACK_TRY(const bool row, query.bind(place.project).bind(workflow).bind(place.tag).step());
  return row ? std::optional(query.integer(0)) : std::nullopt;
}

Result<void> check_run(Database& database, const TagPlace& place) {
  DSTACK_TRY(Query query, database.query("select 1 from run where id = ? and project = ?"));
  DSTACK_TRY(const bool row, query.bind(place.run).bind(place.project).step());
  if (row)
    return {};
  return fail(ErrorCode::not_found, "this project has no run {}", place.run);
}

struct KnownProject {
  std::int64_t id = 0;
  std::string path;
};

/// Projects with this history, the one with the newest run first.
Result<std::vector<KnownProject>> projects_like(Database& database, const job::GitFacts& git) {
  DSTACK_TRY(
      Query query,
      database.query("select id, path from project where root_commit = ? and remote = ? "
                     "order by (select max(id) from run where run.project = project.id) desc"));
  query.bind(git.root_commit).bind(git.remote);
  std::vector<KnownProject> projects;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return projects;
    projects.push_back({query.integer(0), query.text(1)});
  }
}

bool is_gone(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/// The one that has moved to `path`. In another clone it was in the same folder of the repository;
/// within the repository it may have been in any.
const KnownProject* choose_moved(const std::vector<KnownProject>& candidates,
                                 const std::string& path,
                                 const std::string& prefix) {
  const std::string folder = prefix.substr(0, prefix.size() - (prefix.ends_with('/') ? 1 : 0));
  const std::string top = path.substr(0, path.size() - std::min(folder.size(), path.size()));
  const KnownProject* chosen = nullptr;
  for (const KnownProject& project : candidates) {
    if (!is_gone(project.path))
      continue;
    if (!folder.empty() && !project.path.ends_with("/" + folder) && !is_below(project.path, top))
      continue;
    // Of a repository and projects inside it, the repository itself.
    if (chosen == nullptr || (folder.empty() && is_below(chosen->path, project.path)))
      chosen = &project;
  }
  return chosen;
}

Result<std::optional<KnownProject>> find_moved(Database& database,
                                               const std::string& path,
                                               const job::GitFacts& git,
                                               const std::string& prefix) {
  if (git.root_commit.empty())
    return std::optional<KnownProject>();
  // Nearly always the project is known.
  DSTACK_TRY(const std::optional<std::int64_t> known, find_project(database, path));
  if (known)
    return std::optional<KnownProject>();
  DSTACK_TRY(const std::vector<KnownProject> candidates, projects_like(database, git));
  const KnownProject* moved = choose_moved(candidates, path, prefix);
  return moved == nullptr ? std::optional<KnownProject>() : std::optional(*moved);
}

}  // namespace

Result<std::vector<Tag>> Records::tags(std::string_view project) {
  DSTACK_TRY(
      Query query,
      connection_->database.query(fmt::format("{} order by tag.workflow, tag.tag", tag_columns)));
  query.bind(project);
  std::vector<Tag> tags;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return tags;
    tags.push_back(tag_from(query));
  }
}

Result<std::optional<Tag>> Records::find_tag(std::string_view project,
                                             std::string_view workflow,
                                             std::string_view tag) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 fmt::format("{} and tag.workflow = ? and tag.tag = ?", tag_columns)));
  DSTACK_TRY(const bool row, query.bind(project).bind(workflow).bind(tag).step());
  return row ? std::optional(tag_from(query)) : std::nullopt;
}

Result<void> Records::add_tags(std::string_view project,
                               std::string_view tag,
                               const std::vector<std::string>& workflows,
                               RunId run,
                               Force force) {
  Database& database = connection_->database;
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  DSTACK_TRY(const std::optional<std::int64_t> id, find_project(database, project));
  const TagPlace place{.project = id.value_or(0), .tag = tag, .run = run};
  DSTACK_CHECK(check_run(database, place));
  if (force == Force::no)
    DSTACK_CHECK(refuse_used(database, place, workflows));
  std::set<RunId> before;  // that lose it
  for (const std::string& name : workflows) {
    DSTACK_TRY(const std::optional<RunId> holder,
               holder_of(database, place, std::string(sweep::workflow_of(name))));
    if (holder && *holder != run)
      before.insert(*holder);
    DSTACK_CHECK(set_tag(database, place, name));
  }
  DSTACK_CHECK(transaction.commit());
  before.insert(run);
  for (const RunId each : before)
    keep(each);
  return {};
}

Result<void> Records::delete_tag(std::string_view project,
                                 std::string_view workflow,
                                 std::string_view tag) {
  std::optional<RunId> run;
  {
    DSTACK_TRY(Query query,
               connection_->database.query(
                   "delete from tag where project = (select id from project where path = ?) "
                   "and workflow = ? and tag = ? returning run"));
    DSTACK_TRY(const bool row, query.bind(project).bind(workflow).bind(tag).step());
    if (row) {
      run = query.integer(0);
      DSTACK_CHECK(query.run());  // to its end, which commits
    }
  }
  if (run) {
    keep(*run);
    return {};
  }
  return fail(ErrorCode::not_found, "workflow '{}' has no tag '{}'", workflow, tag)
      .with_hint("'dstack tags list' shows the tags of this project");
}

Result<bool> Records::may_have_moved(const std::string& path) {
  Database& database = connection_->database;
  DSTACK_TRY(const std::optional<std::int64_t> known, find_project(database, path));
  if (known)
    return false;
  DSTACK_TRY(Query query, database.query("select path from project where root_commit <> ''"));
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return false;
    if (is_gone(query.text(0)))
      return true;
  }
}

Result<std::optional<std::string>> Records::find_moved_project(const std::string& path,
                                                               const job::GitFacts& git,
                                                               const std::string& prefix) {
  DSTACK_TRY(const auto moved, find_moved(connection_->database, path, git, prefix));
  return moved ? std::optional(moved->path) : std::nullopt;
}

Result<std::optional<std::string>> Records::adopt_project(const std::string& path,
                                                          const job::GitFacts& git,
                                                          const std::string& prefix) {
  Database& database = connection_->database;
  DSTACK_TRY(const auto looked, find_moved(database, path, git, prefix));
  if (!looked)
    return std::optional<std::string>();
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  DSTACK_TRY(const auto moved, find_moved(database, path, git, prefix));
  if (!moved)
    return std::optional<std::string>();
  {
    DSTACK_TRY(Query query, database.query("update or ignore project set path = ? where id = ?"));
    DSTACK_CHECK(query.bind(path).bind(moved->id).run());
  }
  DSTACK_CHECK(transaction.commit());
  return std::optional(moved->path);
}

}  // namespace dstack::store
