// Every way there is.
#pragma once

#include "ways/way.hpp"

namespace striate {

struct ListedWay {
    Promise promise;
    Offer (*offer_elements)(const Problem&, const Machine&, const Use&);

    Offer offer(const Problem& p, const Machine& machine, const Use& use) const {
        if (!promise.computes(p.dtype)) return {nullptr, std::string(promise.name) + " computes float32 only"};
        return offer_elements(p, machine, use);
    }
};

// `direct` first.
const std::vector<ListedWay>& ways();

}  // namespace striate
