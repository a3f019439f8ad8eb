// What this machine can do, measured.
#pragma once

#include "ways/machine.hpp"

namespace striate {

// Measured at the first call for a target, in some tens of milliseconds; the same values ever after.
const Machine& machine_for(const Target& target);

}  // namespace striate
