#include "ways/way.hpp"

namespace striate {

const std::vector<WayName>& ways() {
    static const std::vector<WayName> all = {
        {"direct", offer_direct},     {"depthwise", offer_depthwise},   {"gemm", offer_gemm},
        {"winograd", offer_winograd}, {"winograd1d", offer_winograd1d}, {"fft", offer_fft}};
    return all;
}

}  // namespace striate
