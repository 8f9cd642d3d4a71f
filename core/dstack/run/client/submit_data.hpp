// What a run takes with it besides its code: `inputs`, and the texts of files of variables.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/run/client/submit.hpp"
#include "dstack/run/protocol/env_texts.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// Lets a plan look at inputs and files of variables. Texts that it reads are kept in `texts`, by
/// digest, which must outlive the context.
void add_data_sources(plan::PlanningContext& context, const files::Home& home, EnvTexts& texts);

/// Keeps what the jobs of a plan are given (given_trees()) in the store as long as `objects` lives;
/// an error when it is not there, such as of a run that was removed meanwhile.
Result<void> hold_given(const plan::Plan& plan, const store::ObjectStore& objects);

/// Trees that the jobs of a plan are given beside the code: copies of inputs, artifacts of tags.
std::vector<job::TreeReference> given_trees(const plan::Plan& plan);

/// Takes the copied inputs of a plan into the store, and notes in the plan what was taken.
Result<void> capture_inputs(plan::Plan& plan,
                            store::ObjectStore& objects,
                            const OnInput& on_input,
                            std::vector<std::string>& warnings);

/// The texts that the plan names, out of all that were read.
EnvTexts texts_of(const plan::Plan& plan, const EnvTexts& all);

}  // namespace dstack::run
