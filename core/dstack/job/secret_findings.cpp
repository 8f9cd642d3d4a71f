#include "dstack/job/secret_findings.hpp"

#include "dstack/base/json_fields.hpp"

namespace dstack::job {

template <class Fields, MaybeConst<FileWithSecrets> Self>
void fields(Fields& fields, Self& file) {
  fields.member("path", file.path);
  fields.member("secrets", file.secrets);
  fields.optional("number", file.number);
}

template <class Fields, MaybeConst<SecretFindings> Self>
void fields(Fields& fields, Self& findings) {
  fields.member("count", findings.count);
  fields.member("files", findings.files);
}

void to_json(Json& json, const FileWithSecrets& file) {
  write_fields(json, file);
}

void from_json(const Json& json, FileWithSecrets& file) {
  read_fields(json, file, "file");
}

void to_json(Json& json, const SecretFindings& findings) {
  if (findings.count == 0)
    json = nullptr;
  else
    write_fields(json, findings);
}

void from_json(const Json& json, SecretFindings& findings) {
  if (!json.is_null())
    read_fields(json, findings, "secrets that were found");
}

}  // namespace dstack::job
