// The provider `notebook`: one job that serves Jupyter Notebook.
#include "../shared/jupyter.hpp"

namespace {

/// A path as part of an address.
std::string encoded(const std::string& path) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' || c == '.' ||
                          c == '~';
    if (is_plain)
      text += c;
    else
      text += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

class NotebookProvider : public dstack::Provider {
  /// What the application shows first.
  static std::string first_page(const dstack::Workflow& workflow) {
    if (!workflow.has("file"))
      return "/tree";
    const std::string path = dstack::path_from(workflow.text("working_dir"), workflow.text("file"));
    if (path.starts_with(".."))
      throw dstack::PropertyError(
          "file", "is not below the working directory, and Jupyter Notebook shows no other files");
    return "/notebooks/" + encoded(path);
  }

  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    return {apps::jupyter(
        workflow, "notebook", "", {.name = "Jupyter Notebook", .path = first_page(workflow)})};
  }
};

}  // namespace

DSTACK_PROVIDER(NotebookProvider)
