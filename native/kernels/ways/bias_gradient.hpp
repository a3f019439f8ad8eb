// The gradient of a convolution with respect to its bias: the output's gradient summed over images and pixels.
#pragma once

#include "base/numbers.hpp"

namespace striate {

struct BiasGradientPlan {
    int64_t n, k, plane;  // images, filters, pixels of the output
    int64_t filters;      // of a task

    int64_t tasks() const { return ceil_div(k, filters); }
};

}  // namespace striate
