#include "views/plan_text.hpp"

#include "dstack/resources/limits.hpp"

namespace dstack::cli {

void print_plan(Context& context, const plan::Plan& plan, PlanForm form) {
  if (form == PlanForm::json)
    context.out.json(Json(plan));
  else
    plan::explain(plan, resources::find_enforcement(), [&](std::string_view piece) {
      context.out.write(piece);
    });
}

}  // namespace dstack::cli
