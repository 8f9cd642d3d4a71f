// A requirements file in a project that has what such files name.
#include "dstack/python/requirements.hpp"

#include "dstack/job/job_spec.hpp"
#include "dstack/python/requirement_line.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

const Path& project() {
  static const Path root = [] {
    const Path made = scratch() / "code";
    require(make_folders(made / "lib") && make_folders(made / "wheels"), "folders can be made");
    for (const auto& [name, text] : {std::pair("lib/pyproject.toml", "[project]\n"),
                                     std::pair("base.txt", "-r more.txt\n"),
                                     std::pair("more.txt", "six\n"),
                                     std::pair("wheels/a.whl", "")})
      require(bool(write_file_atomically(made / name, text, Durable::no)), "a file can be made");
    return made;
  }();
  return root;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  std::string together;
  for (const python::LogicalLine& line : python::logical_lines(text))
    together += line.text;
  require(together == text, "the lines are the whole text");

  require(bool(write_file_atomically(project() / "input.txt", text, Durable::no)),
          "a file can be made");
  job::PythonRequest request;
  request.requirements = {"input.txt"};
  const auto read = python::read_requirements(request, project());
  if (!read)
    return 0;
  std::string pieces;
  for (const python::Piece& piece : read->files.at(read->roots.at(0)).pieces) {
    pieces += piece.text;
    if (piece.kind == python::PieceKind::include)
      require(piece.target < read->files.size(), "what is included was read");
  }
  require(pieces.size() <= read->files.at(read->roots.at(0)).text.size(),
          "nothing is added to a file");
  return 0;
}
