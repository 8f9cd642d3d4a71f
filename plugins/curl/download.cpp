#include "download.hpp"

#include "part.hpp"
#include "progress.hpp"
#include "transfer.hpp"

#include <algorithm>
#include <array>
#include <thread>

namespace curl {

namespace {

using namespace std::chrono_literals;

constexpr int most_redirects = 20;
constexpr int most_failures = 6;  ///< consecutive ones, without a byte more than before
constexpr auto first_wait = 500ms;
constexpr std::uint64_t longest_wait = 60;  // seconds, whatever a server asks for

bool is_content(int status) {
  return status == 200 || status == 203 || status == 206;
}

/// Answers that may be different later.
bool is_passing(int status) {
  static constexpr std::array<int, 5> passing = {408, 429, 502, 503, 504};
  return std::find(passing.begin(), passing.end(), status) != passing.end();
}

/// Where a second attempt would end like the first.
bool is_final(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
      return true;
    default:
      return false;
  }
}

std::string hint_for(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return "check the URL, and whether this machine can reach that host (or needs a proxy: set "
             "https_proxy)";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "for a certificate of your own, set SSL_CERT_FILE in 'environment'";
    default:
      return {};
  }
}

std::string hint_for(int status) {
  switch (status) {
    case 401:
    case 403:
      return "the server requires authentication: set 'headers'";
    case 404:
    case 410:
      return "check the URL";
    default:
      return {};
  }
}

std::string render_answer(const Response& response) {
  return std::to_string(response.status) + (response.reason.empty() ? "" : " " + response.reason);
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
    for (const auto& [name, value] : wanted.headers)
      headers_.push_back(name + (value.empty() ? ";" : ": " + value));
  }

  bool run() {
    task_.log("downloading " + first_.shown + " to " + wanted_.output);
    for (;;) {
      const Outcome outcome = ask();
      if (outcome.cancelled || task_.cancelled())
        return false;
      if (outcome.code == CURLE_OK && is_content(outcome.response.status) && !stale_)
        break;
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
      Outcome outcome = transfer_.perform(
          request,
          [this](const Response& response, std::string_view bytes) {
            return take(response, bytes);
          },
          [this] { return tick(); });
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
    if (response.status == 206) {
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
    // A weak ETag does not promise the same bytes.
    validator_ = etag_.empty() || etag_.starts_with("W/") ? last_modified_ : etag_;
    total_ = response.length;
  }

  bool take(const Response& response, std::string_view bytes) {
    if (!is_content(response.status))
      return response.status / 100 == 3;  // the body of an error is not read
    begin(response);
    if (stale_)
      return false;
    part_.append(bytes);
    received_ += bytes.size();
    return true;
  }

  bool tick() {
    if (begun_)
      if (const auto line = progress_.line(part_.size(), total_, Clock::now()))
        task_.progress(*line);
    return !task_.cancelled();
  }

  /// After a failed attempt: waits, or throws when another one is useless. False when the job was
  /// asked to stop.
  bool prepare_next(const Outcome& outcome) {
    const Response& response = outcome.response;
    std::string problem;
    if (stale_ || (response.status == 416 && part_.size() > 0)) {
      problem = "the server resumed with other bytes";
      validator_.clear();
    } else if (response.status != 0 && !is_content(response.status)) {
      problem = "the server answered " + render_answer(response);
      if (!is_passing(response.status))
        throw dstack::Error(problem + " for " + first_.shown, hint_for(response.status));
    } else {
      problem = outcome.problem;
      if (is_final(outcome.code) && received_ == 0)
        throw dstack::Error("cannot download " + first_.shown + ": " + problem,
                            hint_for(outcome.code));
    }
    failures_ = part_.size() > farthest_ ? 1 : failures_ + 1;
    farthest_ = std::max(farthest_, part_.size());
    if (failures_ == most_failures)
      throw dstack::Error("the download of " + first_.shown + " makes no progress: " + problem);
    return wait(problem, response.retry_after);
  }

  bool wait(const std::string& problem, std::uint64_t asked) {
    Clock::duration pause = first_wait * (1 << (failures_ - 1));
    pause = std::max<Clock::duration>(pause, std::chrono::seconds(std::min(asked, longest_wait)));
    task_.log(problem + (part_.size() > 0 ? " after " + render_bytes(part_.size()) : "") +
              "; retrying in " + render_time(pause));
    const auto until = Clock::now() + pause;
    while (!task_.cancelled() && Clock::now() < until)
      std::this_thread::sleep_for(20ms);
    return !task_.cancelled();
  }

  void finish() {
    if (total_ && *total_ != part_.size())
      throw dstack::Error("the server announced " + std::to_string(*total_) + " bytes, but sent " +
                          std::to_string(part_.size()));
    if (!wanted_.sha256.empty())
      if (const std::string digest = part_.digest(); digest != wanted_.sha256)
        throw dstack::Error("the file has the SHA-256 " + digest + ", not " + wanted_.sha256,
                            "the file has changed, or the digest is mistyped");
    part_.publish();
    task_.progress("100%  " + progress_.summary(part_.size(), received_, Clock::now()));
  }

  const Wanted& wanted_;
  const dstack::Task& task_;
  Address first_;
  std::vector<std::string> headers_;
  Part part_;
  Transfer transfer_;
  Clock::time_point begin_;
  Progress progress_;

  // Properties of the file; of the one in `part_`, unless that is empty.
  std::string etag_;
  std::string last_modified_;
  std::string validator_;  ///< identifies the file to the server; empty: cannot resume
  std::optional<std::uint64_t> total_;

  bool begun_ = false;  ///< the current answer was examined,
  bool stale_ = false;  ///< and cannot be used
  std::uint64_t received_ = 0;
  std::uint64_t farthest_ = 0;
  int failures_ = 0;
  std::string shown_redirect_;
};

}  // namespace

bool download(const Wanted& wanted, const dstack::Task& task) {
  return Download(wanted, task).run();
}

}  // namespace curl
