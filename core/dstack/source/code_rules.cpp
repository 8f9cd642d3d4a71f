#include "dstack/source/code_rules.hpp"

#include "dstack/base/path.hpp"
#include "dstack/source/exclusions.hpp"

namespace dstack::source {

Result<void> add_rules_of(const std::vector<store::TreeFile>& code,
                          std::initializer_list<std::string_view> names,
                          const store::ObjectStore& objects,
                          IgnoreRules& rules) {
  for (const std::string_view name : names)
    for (const store::TreeFile& file : code) {
      if (file_name(file.path) != name || file.type == files::EntryType::link)
        continue;
      DSTACK_TRY(const std::string text, objects.read_blob(file.digest));
      rules.add(std::string(folder_of(file.path)), text);
    }
  return {};
}

}  // namespace dstack::source
