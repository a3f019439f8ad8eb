#include "choose/targets.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace striate {

#define STRIATE_TARGET_ROW(name, needs) \
    namespace name { \
    extern const Target target; \
    }
#include "choose/targets.def"
#undef STRIATE_TARGET_ROW

const std::vector<const Target*>& available_targets() {
    static const std::vector<const Target*> targets = [] {
        std::vector<const Target*> found;
#define STRIATE_TARGET_ROW(name, needs) \
    if (needs) found.push_back(&name::target);
#include "choose/targets.def"
#undef STRIATE_TARGET_ROW
        return found;
    }();
    return targets;
}

const Target& chosen_target() {
    static const Target& chosen = [&]() -> const Target& {
        const char* wanted = std::getenv("STRIATE_ISA");
        if (!wanted || !*wanted) return *available_targets().front();
        std::string names;
        for (const Target* target : available_targets()) {
            if (std::string(wanted) == target->name) return *target;
            names += (names.empty() ? "" : ", ") + std::string(target->name);
        }
        throw std::runtime_error("STRIATE_ISA is '" + std::string(wanted) + "', but this machine offers " + names);
    }();
    return chosen;
}

}  // namespace striate
