# What somebody does who gives all jobs a new key: the member, and its line in the list. Copies job_spec.hpp and
# job_spec.cpp of SOURCE to TARGET with both.
function(insert_after file line more)
  file(READ "${SOURCE}/${file}" text)
  string(FIND "${text}" "${line}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${file} has no line '${line}' any more")
  endif()
  string(REPLACE "${line}" "${more}\n${line}" text "${text}")
  file(WRITE "${TARGET}/${file}" "${text}")
endfunction()

insert_after(job_spec.hpp "  std::uint32_t retry = 0;" "  std::uint32_t priority = 0;")
insert_after(job_spec.cpp [[  fields.optional("retry", job.retry);]] [[  fields.optional("priority", job.priority);]])
