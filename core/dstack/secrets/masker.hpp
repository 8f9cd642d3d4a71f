// Replaces secrets by `***` in a stream of bytes, wherever the pieces of the stream end. Against
// accidents, not intent: it knows the encodings of encodings.hpp, and a program can write a secret
// in another one.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::secrets {

inline constexpr std::string_view mask = "***";

/// What to look for. Immutable once made: any thread may use it.
class Needles {
 public:
  Needles() = default;
  /// All encodings of these values.
  explicit Needles(const std::vector<std::string>& values);
  Needles(Needles&&) = default;
  Needles& operator=(Needles&&) = default;
  ~Needles();

  bool empty() const { return texts_.empty(); }

  std::size_t longest() const { return longest_; }

  /// The ranges where they occur in `text`, in order; overlapping ones are merged.
  std::vector<std::pair<std::size_t, std::size_t>> find(std::string_view text) const;
  /// Which of the values occur in `text` in some encoding: their indices in the list that this was
  /// made of, in order.
  std::vector<std::size_t> find_values(std::string_view text) const;
  /// Where the last part begins that further bytes may make one of them; the end, when there is
  /// none.
  std::size_t find_beginning(std::string_view text) const;
  /// The whole of a short text.
  std::string masked(std::string_view text) const;

 private:
  struct Text {
    std::string bytes;
    std::size_t value;  ///< whose encoding it is

    bool operator==(const Text&) const = default;
    auto operator<=>(const Text&) const = default;
  };

  struct Sample {
    std::uint32_t gram;    ///< four bytes of the needle
    std::uint32_t needle;  ///< index into texts_
    std::uint32_t offset;  ///< of the gram in the needle

    bool operator<(const Sample& other) const { return gram < other.gram; }
  };

  /// A bit for each hash of a gram that is in it.
  class Filter {
   public:
    Filter() = default;
    /// For so many grams: large enough to be mostly empty.
    explicit Filter(std::size_t grams);

    void add(std::uint32_t gram);
    bool may_have(std::uint32_t gram) const;

   private:
    std::uint32_t hash_of(std::uint32_t gram) const { return gram * 2654435761U >> shift_; }

    unsigned shift_ = 0;
    std::vector<std::uint64_t> bits_;
  };

  template <typename Use>
  void each_found(std::string_view text, Use use) const;

  std::vector<Text> texts_;      ///< sorted
  std::vector<Sample> samples_;  ///< sorted by gram
  Filter filter_;                ///< the grams of all samples
  Filter beginnings_;            ///< the first four bytes of each needle
  std::size_t longest_ = 0;
};

/// The stream: for one thread.
class Masker {
 public:
  explicit Masker(Needles needles) : needles_(std::move(needles)) {}

  Masker(Masker&&) = default;
  Masker& operator=(Masker&&) = default;
  ~Masker();

  const Needles& needles() const { return needles_; }

  /// What can be written of the stream so far; the view is good until the next call. Held back is
  /// only what may be the beginning of a secret: less than the longest of its encodings.
  std::string_view take(std::string_view bytes);
  /// The stream has ended: what was held back.
  std::string_view finish();

 private:
  std::string_view emit(std::string_view text, std::size_t end);

  Needles needles_;
  std::string held_;
  std::size_t hidden_ = 0;  ///< that many bytes of held_ follow a `***` that is written
  std::string joined_;
  std::string out_;
};

}  // namespace dstack::secrets
