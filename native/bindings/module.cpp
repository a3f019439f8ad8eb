#include <nanobind/nanobind.h>

#include "register.hpp"

NB_MODULE(_native, m) {
    // Plans cached for the life of the process are not leaks.
    nanobind::set_leak_warnings(false);
    m.doc() = "Compiled convolution kernels.";
    register_runtime(m);
    register_plan(m);
}
