#include "download.hpp"

#include "answers.hpp"
#include "hidden.hpp"
#include "part.hpp"
#include "progress.hpp"
#include "proxy.hpp"
#include "transfer.hpp"

#include <algorithm>
#include <thread>

namespace curl {

namespace {

using namespace std::chrono_literals;

constexpr int most_redirects = 20;
constexpr auto first_wait = 500ms;
constexpr auto longest_wait = 60s;            ///< of our own choice
constexpr std::uint64_t longest_asked = 600;  ///< seconds; whoever asks for more is not asked again
constexpr std::size_t most_of_words = 8192;   ///< bytes that are read of an error's body,
constexpr auto patience_for_words = 5s;       ///< and how long it may take

/// What ends the download: the reason, and what to do.
[[noreturn]] void give_up(const std::string& reason, const std::string& hint = {}) {
  throw dstack::Error(reason, hint);
}

class Download {
 public:
  Download(const Wanted& wanted, const dstack::Task& task)
      : wanted_(wanted),
        task_(task),
        first_(parse_address(wanted.url)),
        part_(wanted.output, !wanted.sha256.empty()),
        begin_(Clock::now()),
        progress_(begin_) {
    hidden_.add(first_);
    for (const auto& [name, value] : wanted.headers) {
      headers_.push_back(name + (value.empty() ? ";" : ": " + value));
      hidden_.add_header(value);
    }
  }

  bool run() {
    task_.log("downloading " + first_.shown + " to " + wanted_.output);
    for (;;) {
      const Outcome outcome = ask();
      if (task_.cancelled())
        return false;
      if (is_complete(outcome))
        break;
      if (is_short(outcome))
        continue;
      if (!prepare_next(outcome))
        return false;
    }
    finish();
    return true;
  }

 private:
  /// One request and its redirects. Later attempts begin at the URL that the user wrote: the target
  /// of a redirect may be valid only once.
  Outcome ask() {
    Request request;
    request.address = first_;
    request.headers = headers_;
    if (part_.size() > 0 && !validator_.empty()) {
      request.offset = part_.size();
      request.validator = validator_;
    } else {
      part_.clear();
    }
    for (int redirects = 0;; ++redirects) {
      begun_ = stale_ = false;
      body_.clear();
      refused_since_.reset();
      last_ = request.address;
      Outcome outcome = transfer_.perform(
          request,
          [this](const Response& response, std::string_view bytes) {
            return take(response, bytes);
          },
          [this](const Response& response) { return tick(response); });
      const bool redirected =
          outcome.response.status / 100 == 3 && !outcome.response.location.empty();
      if (outcome.cancelled || !redirected) {
        if (outcome.code == CURLE_OK && is_content(outcome.response.status))
          begin(outcome.response);  // an empty file has no body that would do it
        return outcome;
      }
      if (redirects == most_redirects)
        throw dstack::Error("the server redirects more than " + std::to_string(most_redirects) +
                            " times; the last time to " + request.address.shown);
      redirect(request, outcome.response.location);
    }
  }

  void redirect(Request& request, const std::string& location) {
    try {
      request.address = parse_address(location);
    } catch (const dstack::Error& error) {
      throw dstack::Error("the server redirects to an address that is not followed: " +
                          std::string(error.what()));
    }
    hidden_.add(request.address);
    const bool trusted = request.address.origin == first_.origin;
    request.headers = trusted ? headers_ : std::vector<std::string>();
    if (trusted && request.address.user.empty()) {
      request.address.user = first_.user;
      request.address.password = first_.password;
    }
    if (shown_redirect_ != request.address.shown)
      task_.log("redirected to " + request.address.shown);
    shown_redirect_ = request.address.shown;
  }

  /// Examines an answer before its first byte is used.
  void begin(const Response& response) {
    if (std::exchange(begun_, true))
      return;
    // Some servers send the whole file as a range of it.
    const bool is_whole =
        response.status != 206 || (part_.size() == 0 && response.range_first == 0);
    if (!is_whole) {
      const bool fits = part_.size() > 0 && response.range_first == part_.size() &&
                        (!total_ || !response.range_total || response.range_total == total_) &&
                        (etag_.empty() || response.etag.empty() || response.etag == etag_);
      stale_ = !fits;
      if (fits && response.range_total)
        total_ = response.range_total;
      return;
    }
    if (part_.size() > 0)
      task_.log(response.etag != etag_ || response.last_modified != last_modified_
                    ? "the file has changed on the server: starting over"
                    : "the server cannot resume: starting over");
    part_.clear();
    etag_ = response.etag;
    last_modified_ = response.last_modified;
    content_type_ = response.content_type;
    // A weak ETag does not promise the same bytes.
    validator_ = etag_.empty() || etag_.starts_with("W/") ? last_modified_ : etag_;
    total_ = response.status == 206 ? response.range_total : response.length;
  }

  bool take(const Response& response, std::string_view bytes) {
    if (response.status / 100 == 3)
      return true;
    if (!is_content(response.status)) {
      body_.append(bytes.substr(0, most_of_words - body_.size()));
      return body_.size() < most_of_words;
    }
    begin(response);
    if (stale_)
      return false;
    part_.append(bytes);
    received_ += bytes.size();
    return true;
  }

  bool tick(const Response& response) {
    const auto now = Clock::now();
    if (begun_)
      if (const auto line = progress_.line(part_.size(), total_, now))
        task_.progress(*line);
    if (response.status >= 400) {
      if (!refused_since_)
        refused_since_ = now;
      if (now - *refused_since_ > patience_for_words)
        return false;
    }
    return !task_.cancelled();
  }

  bool is_usable(const Outcome& outcome) const {
    return outcome.code == CURLE_OK && is_content(outcome.response.status) && !stale_;
  }

  bool is_complete(const Outcome& outcome) const {
    // It broke off exactly at its end, which was not known.
    if (outcome.response.status == 416 && part_.size() > 0 && !total_)
      return outcome.response.range_total == part_.size();
    return is_usable(outcome) && (!total_ || part_.size() >= *total_);
  }

  /// Whether an answer is whole, but less than was asked for: the rest can be had at once.
  bool is_short(const Outcome& outcome) {
    if (!is_usable(outcome) || validator_.empty() || part_.size() <= farthest_)
      return false;
    if (!std::exchange(was_short_, true))
      task_.log("the server sends the file in pieces, " + render_bytes(part_.size()) + " so far");
    failures_ = 0;
    farthest_ = part_.size();
    return true;
  }

  /// After a failed attempt: waits, or throws when another one is useless. False when the job was
  /// asked to stop.
  bool prepare_next(const Outcome& outcome) {
    const Response& response = outcome.response;
    const bool is_refused = refuses(outcome);
    const std::string problem =
        is_refused ? "the server answered " + render_answer(response) + through_proxy(outcome)
                   : problem_of(outcome);
    const std::string words = is_refused ? words_of(hidden_.masked(body_)) : "";
    if (is_refused && !is_passing(response.status))
      give_up(problem + " for " + first_.shown + said(words),
              hint_for_refusal(outcome, !words.empty()));
    failures_ = part_.size() > farthest_ ? 1 : failures_ + 1;
    farthest_ = std::max(farthest_, part_.size());
    if (is_refused && (failures_ > wanted_.retries || response.retry_after > longest_asked))
      give_up_asking(outcome, problem, words);
    if (failures_ > wanted_.retries)
      give_up("the download of " + first_.shown + " makes no progress: " + problem);
    if (!words.empty() && words != std::exchange(shown_words_, words))
      task_.log("the server says: " + words);
    return wait(problem, response.retry_after);
  }

  /// The server, or a proxy in its place, has nothing to send.
  bool refuses(const Outcome& outcome) const {
    const int status = outcome.response.status;
    return status != 0 && !is_content(status) && outcome.proxy_status == 0 &&
           !(status == 416 && part_.size() > 0) && !(status == 407 && proxy_of_environment(last_));
  }

  /// Of an attempt that got no answer, or one that cannot be used. Throws when the next would end
  /// in the same way.
  std::string problem_of(const Outcome& outcome) {
    if (stale_ || outcome.response.status == 416) {
      validator_.clear();
      return "the server resumed with other bytes";
    }
    const auto proxy = proxy_of_environment(last_);
    if (proxy)
      check_proxy(*proxy, outcome);
    if (outcome.code == CURLE_OK)
      return "the server sent nothing of what is missing";
    if (is_final(outcome.code, outcome.problem) && received_ == 0 && failures_ == 0)
      give_up("cannot download " + first_.shown + ": " + outcome.problem, hint_for(outcome.code));
    const bool by_proxy = proxy && is_about(*proxy, outcome.problem);
    return outcome.problem + (by_proxy ? ", " + render_proxy(*proxy) : "");
  }

  /// Throws when it is the proxy that fails.
  void check_proxy(const Proxy& proxy, const Outcome& outcome) const {
    const int status = outcome.proxy_status != 0 ? outcome.proxy_status : outcome.response.status;
    const std::string beginning = "cannot download " + first_.shown + ": " + render_proxy(proxy);
    if (outcome.proxy_status != 0 || status == 407)
      give_up(beginning + " answered " + std::to_string(status),
              status == 407 ? "write its user and password into " + proxy.variable +
                                  ": http://USER:PASSWORD@HOST:PORT"
                            : hint_for(proxy));
    const bool is_dead = outcome.code == CURLE_COULDNT_RESOLVE_PROXY ||
                         outcome.code == CURLE_PROXY || is_about(proxy, outcome.problem);
    if (is_dead && is_final(outcome.code, outcome.problem) && received_ == 0)
      give_up(beginning + " does not work: " + outcome.problem, hint_for(proxy));
  }

  /// The proxy of a request that the server, or the proxy itself, has answered.
  std::optional<Proxy> proxy_used(const Outcome& outcome) const {
    auto proxy = proxy_of_environment(last_);
    const bool is_plain = last_.origin.starts_with("http://");
    return proxy && is_plain && was_used(*proxy, last_, outcome) ? std::move(proxy) : std::nullopt;
  }

  std::string through_proxy(const Outcome& outcome) const {
    const auto proxy = proxy_used(outcome);
    return proxy ? " through " + render_proxy(*proxy) : "";
  }

  /// On the way to plain http a proxy answers in the place of the server.
  std::string hint_for_refusal(const Outcome& outcome, bool has_words) const {
    const int status = outcome.response.status;
    const std::string hint = hint_for(status, has_words);
    const auto proxy =
        status == 401 || status == 404 || status == 410 ? std::nullopt : proxy_used(outcome);
    return proxy ? hint + (hint.empty() ? "" : "; ") +
                       "if this is the proxy's own answer: " + hint_for(*proxy)
                 : hint;
  }

  [[noreturn]] void give_up_asking(const Outcome& outcome,
                                   const std::string& problem,
                                   const std::string& words) const {
    const Response& response = outcome.response;
    std::string reason = problem + " for " + first_.shown;
    if (response.retry_after > longest_asked)
      give_up(reason + " and wants to be asked again only in " +
                  render_time(std::chrono::seconds(
                      std::min<std::uint64_t>(response.retry_after, 100'000'000))) +
                  said(words),
              "a download waits at most " + render_time(std::chrono::seconds(longest_asked)) +
                  "; try again later");
    if (failures_ > 1)
      reason += ", " + std::to_string(failures_) + " times";
    give_up(reason + said(words), hint_for_refusal(outcome, !words.empty()));
  }

  static std::string said(const std::string& words) {
    return words.empty() ? "" : ", and says: " + words;
  }

  bool wait(const std::string& problem, std::uint64_t asked) {
    Clock::duration pause = first_wait * (1 << std::min<std::int64_t>(failures_ - 1, 10));
    pause = std::min<Clock::duration>(pause, longest_wait);
    pause = std::max<Clock::duration>(pause, std::chrono::seconds(asked));
    task_.log(problem + (part_.size() > 0 ? " after " + render_bytes(part_.size()) : "") +
              "; retrying in " + render_time(pause));
    const auto until = Clock::now() + pause;
    while (!task_.cancelled() && Clock::now() < until)
      std::this_thread::sleep_for(20ms);
    return !task_.cancelled();
  }

  /// A page to sign in at is called a success by most servers.
  bool is_unexpected_page() const {
    return is_page(content_type_) && !is_called_page(wanted_.output) && !is_called_page(first_.url);
  }

  std::string page() const {
    return "an HTML page (" + words_of(content_type_) + "), perhaps one to sign in at";
  }

  void finish() {
    if (total_ && *total_ != part_.size())
      throw dstack::Error("the server announced " + std::to_string(*total_) + " bytes, but sent " +
                          std::to_string(part_.size()));
    if (!wanted_.sha256.empty())
      if (const std::string digest = part_.digest(); digest != wanted_.sha256)
        throw dstack::Error("the file has the SHA-256 " + digest + ", not " + wanted_.sha256,
                            is_unexpected_page()
                                ? "the server sent " + page()
                                : "the file has changed, or the digest is mistyped");
    part_.publish();
    if (is_unexpected_page() && wanted_.sha256.empty())
      task_.warn("'" + wanted_.output + "' is " + page());
    task_.progress("100%  " + progress_.summary(part_.size(), received_, Clock::now()));
  }

  const Wanted& wanted_;
  const dstack::Task& task_;
  Address first_;
  std::vector<std::string> headers_;
  Hidden hidden_;
  Part part_;
  Transfer transfer_;
  Clock::time_point begin_;
  Progress progress_;

  // Properties of the file; of the one in `part_`, unless that is empty.
  std::string etag_;
  std::string last_modified_;
  std::string content_type_;
  std::string validator_;  ///< identifies the file to the server; empty: cannot resume
  std::optional<std::uint64_t> total_;

  bool begun_ = false;  ///< the current answer was examined,
  bool stale_ = false;  ///< and cannot be used
  std::uint64_t received_ = 0;
  std::uint64_t farthest_ = 0;
  std::int64_t failures_ = 0;  ///< consecutive ones, without a byte more than before
  bool was_short_ = false;
  Address last_;      ///< the last request's
  std::string body_;  ///< of an answer that is no content: its beginning
  std::optional<Clock::time_point> refused_since_;
  std::string shown_words_;
  std::string shown_redirect_;
};

}  // namespace

bool download(const Wanted& wanted, const dstack::Task& task) {
  return Download(wanted, task).run();
}

}  // namespace curl
