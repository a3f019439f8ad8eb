// The instruction sets of this machine and the one in use.
#pragma once

#include "ways/target.hpp"

#include <vector>

namespace striate {

// The targets this machine can run, best first; never empty.
const std::vector<const Target*>& available_targets();

// The best available target, or the one the environment variable STRIATE_ISA names. Decided at the first call.
// Throws std::runtime_error where STRIATE_ISA names a target that is unknown here or that this machine cannot run.
const Target& chosen_target();

}  // namespace striate
