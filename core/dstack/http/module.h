/* What passes between the program and libdstack_http.so, the one library of ours that links
 * libcurl: a program that starts four times for each run must not load libcurl's forty libraries
 * for the few jobs that need it. Plain C, since the two may hold different C++ runtimes. Private to
 * core/dstack/http, and always of the same build. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Times are in milliseconds; 0 means without a limit. Texts end with NUL and are borrowed for the
 * request. The functions get `context` back; what they return is 0 to go on, else the request ends
 * as "ended by its sender". */
typedef struct dstack_http_request {
  const char* method;
  const char* url;
  const char* unix_socket;    /* null: TCP */
  const char* const* headers; /* "Name: value" */
  size_t header_count;
  const char* body; /* null: none */
  size_t body_size;
  int64_t connect_time;
  int64_t total_time;
  int64_t idle_time; /* without a byte in either direction */
  int32_t most_redirects;
  int32_t any_bytes;       /* 1: what does not begin as HTTP is a body without a head */
  int32_t any_certificate; /* 1: that of the server is not checked */
  void* context;
  int (*on_header)(void* context, const char* line, size_t size);
  int (*on_body)(void* context, const char* bytes, size_t size);
} dstack_http_request;

typedef enum dstack_http_outcome {
  DSTACK_HTTP_ANSWERED = 0,
  DSTACK_HTTP_ENDED_BY_SENDER = 1,
  DSTACK_HTTP_UNREACHABLE = 2, /* nobody listens there, no such host, no permission */
  DSTACK_HTTP_TOO_LATE = 3,
  DSTACK_HTTP_BROKEN = 4,    /* the connection broke, or the answer is not HTTP */
  DSTACK_HTTP_IMPOSSIBLE = 5 /* the request itself cannot be made */
} dstack_http_outcome;

typedef struct dstack_http_answer {
  int32_t outcome;   /* dstack_http_outcome */
  int32_t status;    /* of HTTP; 0 when none came */
  int32_t os_error;  /* errno of a failed connection, else 0 */
  char message[256]; /* of the outcome, when it is not ANSWERED */
} dstack_http_answer;

/* A request that its sender carries on from a poll loop. Of one thread. */
typedef struct dstack_http_transfer dstack_http_transfer;

typedef struct dstack_http_functions {
  /* Sends one request and returns when its answer is complete. For any thread. */
  void (*send)(const dstack_http_request* request, dstack_http_answer* answer);
  /* The request and all that it names stay as they are until stop(). Null when the system has no
   * descriptor or no memory for it. */
  dstack_http_transfer* (*start)(const dstack_http_request* request);
  /* To poll for POLLIN: step() has something to do. The same from start() to stop(). */
  int (*descriptor)(const dstack_http_transfer* transfer);
  /* Goes on as far as it goes without waiting. 1 when the request is over: it has filled `answer`,
   * and stop() comes next. Else 0, and `wait` says in how many milliseconds it wants to be called
   * even if there is nothing to read; -1: never. */
  int (*step)(dstack_http_transfer* transfer, dstack_http_answer* answer, int64_t* wait);
  /* Ends it if it is not over, and frees it. */
  void (*stop)(dstack_http_transfer* transfer);
} dstack_http_functions;

/* The one symbol of the library. */
typedef const dstack_http_functions* dstack_http_function(void);

#define DSTACK_HTTP "dstack_http"

#ifdef __cplusplus
}
#endif
