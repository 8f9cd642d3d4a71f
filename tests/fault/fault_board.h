/* What failing_calls.c and the sweep share: a file that both have mapped, so that a process that is
 * killed leaves its words. */
#ifndef DSTACK_TESTS_FAULT_BOARD_H
#define DSTACK_TESTS_FAULT_BOARD_H

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<unsigned> fault_count;
#else
#include <stdatomic.h>
typedef atomic_uint fault_count;
#endif

struct fault_board {
  fault_count processes; /* that have the role */
  fault_count calls;     /* of the chosen one of them, counted so far */
  fault_count hits;      /* 1 once its call was reached */
  fault_count is_over;   /* 1: nothing fails any more */
  char call[32];
  char path[512];
};

#endif
