/* How dstack-container-init asks the processes of its container to stop: all of them at once, but
 * not those whose standard input is a pipe that another of them writes, such as `tee` in
 * `train | tee log`. These end at the end of their input, with all of it. */
#ifndef DSTACK_CONTAINER_INIT_STOP_H
#define DSTACK_CONTAINER_INIT_STOP_H

/* Sends the signal; and to all SIGCONT, so that stopped ones can act. For process 1 alone. */
void stop_all(int number);

#endif
