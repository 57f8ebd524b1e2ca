// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace vlm::test {

/// Whether the address or thread sanitizer is built in: then time and memory are not the program's
/// own. GCC and clang tell it differently.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

} // namespace vlm::test
