#include "dstack/store/records/run_name.hpp"

#include <array>
#include <charconv>

#include <sys/random.h>

namespace dstack::store {

namespace {

// Short, easy to say and to type, and none that reads as a remark about somebody's work.
constexpr std::array<std::string_view, 104> adjectives{
    "able",   "agile",   "amber",  "ample",  "apt",    "azure",  "blue",   "bold",   "brave",
    "breezy", "bright",  "brisk",  "calm",   "candid", "clear",  "clever", "cosy",   "crisp",
    "cubic",  "dapper",  "daring", "deep",   "deft",   "dusty",  "eager",  "early",  "easy",
    "epic",   "fair",    "fast",   "fine",   "fleet",  "fluent", "fond",   "frank",  "free",
    "fresh",  "full",    "gentle", "glad",   "golden", "grand",  "green",  "happy",  "hardy",
    "hazel",  "humble",  "indigo", "ivory",  "jade",   "jolly",  "keen",   "kind",   "late",
    "lemon",  "light",   "lilac",  "lively", "loyal",  "lucid",  "lucky",  "lunar",  "mellow",
    "merry",  "mild",    "mint",   "neat",   "new",    "nice",   "nimble", "noble",  "olive",
    "open",   "patient", "pearl",  "placid", "plain",  "plucky", "polite", "proud",  "quick",
    "quiet",  "rapid",   "ready",  "rosy",   "royal",  "ruby",   "sage",   "sharp",  "shiny",
    "silent", "silver",  "smart",  "smooth", "snowy",  "solar",  "solid",  "steady", "sunny",
    "swift",  "tidy",    "vivid",  "warm",   "witty"};

constexpr std::array<std::string_view, 104> animals{
    "alpaca",  "ant",     "badger",  "bat",     "bear",    "beaver",  "bee",    "beetle", "bison",
    "bobcat",  "buffalo", "camel",   "canary",  "caribou", "cat",     "cicada", "cobra",  "condor",
    "coral",   "cougar",  "coyote",  "crab",    "crane",   "cricket", "crow",   "deer",   "dingo",
    "dolphin", "dove",    "duck",    "eagle",   "egret",   "elk",     "emu",    "falcon", "ferret",
    "finch",   "fox",     "frog",    "gazelle", "gecko",   "gibbon",  "goose",  "gull",   "hare",
    "hawk",    "heron",   "hippo",   "horse",   "ibex",    "ibis",    "iguana", "impala", "jackal",
    "jaguar",  "jay",     "kestrel", "kiwi",    "koala",   "lark",    "lemur",  "lion",   "lizard",
    "llama",   "lynx",    "magpie",  "marmot",  "marten",  "mole",    "moose",  "moth",   "mouse",
    "newt",    "ocelot",  "octopus", "oriole",  "osprey",  "otter",   "owl",    "panda",  "parrot",
    "pelican", "penguin", "pigeon",  "pony",    "puffin",  "puma",    "quail",  "rabbit", "raven",
    "robin",   "salmon",  "seal",    "shark",   "sparrow", "squid",   "stork",  "swan",   "tiger",
    "toucan",  "turtle",  "walrus",  "wombat",  "zebra"};

std::size_t random_below(std::size_t bound) {
  std::uint32_t number = 0;
  // Few bytes, so it cannot be cut short; were it to fail, a fixed name is still a name.
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    number = 0;
  return number % bound;
}

}  // namespace

std::string random_word_pair() {
  std::string pair(adjectives[random_below(adjectives.size())]);
  pair += '-';
  pair += animals[random_below(animals.size())];
  return pair;
}

std::optional<NumberedName> parse_run_name(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos)
    return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0)
    return std::nullopt;
  return NumberedName{std::string(name.substr(0, dash)), number};
}

}  // namespace dstack::store
