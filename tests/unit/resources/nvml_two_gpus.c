/* A library with the interface of NVIDIA's NVML, as its manual states it, on a machine with two
 * GPUs. */
#include <stdio.h>

typedef struct {
  unsigned long long total, free, used;
} nvmlMemory_t;

static int gpus[2] = {16, 40};

int nvmlInit_v2(void) {
  return 0;
}

int nvmlShutdown(void) {
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = 2;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  if (index >= 2)
    return 2; /* NVML_ERROR_INVALID_ARGUMENT */
  *device = &gpus[index];
  return 0;
}

int nvmlDeviceGetName(void* device, char* name, unsigned int length) {
  snprintf(name, length, "GPU of %d GB", *(int*)device);
  return 0;
}

int nvmlDeviceGetUUID(void* device, char* uuid, unsigned int length) {
  snprintf(uuid, length, "GPU-%d", *(int*)device);
  return 0;
}

int nvmlDeviceGetMemoryInfo(void* device, nvmlMemory_t* memory) {
  memory->total = (unsigned long long)*(int*)device << 30;
  memory->free = memory->total;
  memory->used = 0;
  return 0;
}
