// Places where a test makes the program fail or die. They exist in test builds only (CMake option LC_FAIL_POINTS).
#pragma once

namespace lc {

/// What a fail-point asks of the call that it stands before.
struct Failure {
  int error = 0;             // errno to give in place of the call; 0 = none
  bool short_write = false;  // half of the bytes are written, then `error`
};

#ifdef LC_FAIL_POINTS
/// Counts a pass and says what shall happen; may end the process as SIGKILL does. Orders come from the environment
/// variable LC_FAIL_POINTS, or from the file that LC_FAIL_POINT_FILE names, which is read again whenever it changes:
/// `NAME=ACTION[@N[+COUNT]]`, separated by `;` or newline, where ACTION is kill, short or the name of an errno value
/// (EIO, ENOSPC), N the first pass it acts on (1), COUNT for how many (for ever). Any thread.
Failure fail_point(const char* name);
#else
inline Failure fail_point(const char*) {
  return {};
}
#endif

}  // namespace lc
