// A library with a manifest and nothing else.
int dstack_provider_without_entry() {
  return 0;
}
