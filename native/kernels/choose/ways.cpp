#include "choose/ways.hpp"

namespace striate {

const std::vector<ListedWay>& ways() {
    static const std::vector<ListedWay> all = {
#define STRIATE_WAY(name, Plan, elements, error_bound, spreads) {promises::name, offer_##name},
#define STRIATE_KERNEL(name, Plan, elements)
#include "ways/ways.def"
#undef STRIATE_WAY
#undef STRIATE_KERNEL
    };
    return all;
}

}  // namespace striate
