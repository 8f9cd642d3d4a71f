#include "dstack/base/json_fields.hpp"
#include "dstack/python/python.hpp"

namespace dstack::python {

template <class Fields, MaybeConst<Interpreter> Self>
void fields(Fields& fields, Self& interpreter) {
  fields.member("program", interpreter.program);
  fields.member("version", interpreter.version);
  fields.member("source", interpreter.source);
  fields.optional("named_by", interpreter.named_by);
}

void to_json(Json& json, const Interpreter& interpreter) {
  write_fields(json, interpreter);
}

void from_json(const Json& json, Interpreter& interpreter) {
  read_fields(json, interpreter, "python");
}

}  // namespace dstack::python
