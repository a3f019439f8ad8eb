#include "register.hpp"

NB_MODULE(_native, m) {
    m.doc() = "Compiled convolution kernels.";
    register_runtime(m);
    register_plan(m);
}
