// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/utf8.h"

#include "model/core/error.h"

#include <gtest/gtest.h>

namespace vlm {
namespace {

TEST(Utf8, LossyReplacesMaximalSubparts) {
  // Unicode 15, tables 3-8 to 3-11.
  EXPECT_EQ(utf8_lossy("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(utf8_lossy("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA");
  EXPECT_EQ(utf8_lossy("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFDA");
}

TEST(Utf8, ValidPrefixEndsBeforeACutCharacter) {
  EXPECT_EQ(utf8_valid_prefix("caf\xC3\xA9"), 5u);
  EXPECT_EQ(utf8_valid_prefix("caf\xC3"), 3u);
  EXPECT_TRUE(utf8_valid("\xF0\x9F\x98\x80"));
  EXPECT_FALSE(utf8_valid("\xF4\x90\x80\x80"));
}

TEST(Utf8, BlanksAreUnicodes) {
  for (const char *text :
       {"", " \t\r\n\v\f", "\u00a0", "\u3000 \u2009\xC2\x85", "\u2028\u202f\u205f\u1680"})
    EXPECT_TRUE(is_blank(text)) << text;
  for (const char *text : {"a", " \u00a0.", "\u200b", "\u180e", "\xa0", " \xff", "\u3001"})
    EXPECT_FALSE(is_blank(text)) << text;
}

TEST(Utf8, DecodeAndAppendAreInverse) {
  const std::string text = "A\u00e9\u732b\U0001F600";
  std::string again;
  for (char32_t c : utf8_decode(text))
    utf8_append(again, c);
  EXPECT_EQ(again, text);
  EXPECT_THROW(utf8_decode("\xFF"), Error);
}

} // namespace
} // namespace vlm
