// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/assets.h"

#include "model/core/error.h"
#include "tests/model/training/scenes/small_assets.h"

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

namespace vlm::scenes {
namespace {

TEST(HeldOut, DecimalDigestEndsInSeven) {
  // Computed with another implementation.
  EXPECT_FALSE(is_held_out("a"));
  EXPECT_FALSE(is_held_out("stop"));
  EXPECT_TRUE(is_held_out("exit"));
  EXPECT_TRUE(is_held_out("park"));
  int held_out = 0;
  for (int i = 0; i < 2000; ++i)
    held_out += is_held_out("word" + std::to_string(i)) ? 1 : 0;
  EXPECT_NEAR(held_out, 200, 60);
}

TEST(Words, AreSplitAndFiltered) {
  const Words words = split_words({"a", "stop", "Stop", "can't", "longword", "exit"});
  EXPECT_EQ(words.held_out, std::vector<std::string>{"exit"});
  EXPECT_EQ(words.training, std::vector<std::string>{"stop"});
}

TEST(Fonts, OnlyFamiliesThatMayBeTrainedOn) {
  const test::TemporaryFolder folder;
  for (const char *name : {"free/FreeSans.ttf", "free/FreeMonoBold.ttf", "DejaVuSans.ttf",
                           "Lato-Hairline.ttf", "LiberationSerif-Bold.ttf", "Unknown.ttf"})
    folder.write(name, "");
  const std::string root = folder.path().string() + '/';
  EXPECT_EQ(find_fonts({folder.path().string(), "/nowhere"}),
            (std::vector<std::string>{root + "DejaVuSans.ttf", root + "LiberationSerif-Bold.ttf"}));
  EXPECT_EQ(find_fonts({folder.path().string()}, /*held_out=*/true),
            (std::vector<std::string>{root + "free/FreeMonoBold.ttf", root + "free/FreeSans.ttf"}));
}

class PackTest : public testing::Test {
protected:
  void write_disc(const std::string &name, Rgb color) {
    std::vector<uint8_t> rgba = test::disc(60, {color.b, color.g, color.r}); // the codec's order
    cv::imwrite((folder_.path() / name).string(), cv::Mat(60, 60, CV_8UC4, rgba.data()));
  }
  std::string index(const std::string &rows) {
    return folder_.write("index.tsv", "path\tcategory\tsource\tlicence\tkind\tsplit\n" + rows);
  }
  test::TemporaryFolder folder_;
  Categories categories_ = test::small_categories();
};

TEST_F(PackTest, SelectsSourcesAndCropsSprites) {
  write_disc("red.png", {217, 27, 27});
  write_disc("blue.png", {40, 80, 199});
  const std::string path = index("red.png\tdog\tone\tMIT\tcolor\ttrain\n"
                                 "blue.png\tdog\ttwo\tMIT\tcolor\ttrain\n"
                                 "blue.png\tcat\tthree\tMIT\tmono\ttrain\n"
                                 "red.png\tapple\tfour\tMIT\tcolor\theldout\n");
  const Sprites all(path, categories_);
  ASSERT_EQ(all.size(), 3);
  EXPECT_EQ(all[0].color, Color::Red);
  EXPECT_EQ(all[1].color, Color::Blue);
  EXPECT_TRUE(all[2].mono);
  EXPECT_EQ(all[2].levels[0].channels, 1);
  EXPECT_EQ(all[0].levels[0].width, 52) << "cropped to what is opaque";
  EXPECT_EQ(all[0].levels[1].width, 26);
  EXPECT_EQ(all.by_source(0).size(), 2u);
  EXPECT_TRUE(all.by_source(1).empty()) << "held out";
  EXPECT_EQ(all.categories(), (std::vector<int>{0, 6}));

  EXPECT_EQ(Sprites(path, categories_, {{"one", "three"}, {}, false}).size(), 1);
  EXPECT_EQ(Sprites(path, categories_, {{}, {"three"}, false}).size(), 1);
  EXPECT_EQ(Sprites(path, categories_, {{}, {}, true}).size(), 4);
}

TEST_F(PackTest, ErrorsNameTheCulprit) {
  const auto message = [&](const std::string &rows) {
    try {
      const Sprites sprites(index(rows), categories_);
    } catch (const Error &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  write_disc("red.png", {217, 27, 27});
  folder_.write("broken.png", "not a picture");
  folder_.write("empty.png", "");
  EXPECT_NE(message("red.png\tdragon\tone\tMIT\tcolor\ttrain\n").find("dragon"), std::string::npos);
  EXPECT_NE(message("broken.png\tdog\tone\tMIT\tcolor\ttrain\n").find("broken.png"),
            std::string::npos);
  EXPECT_NE(message("empty.png\tdog\tone\tMIT\tcolor\ttrain\n").find("empty.png"),
            std::string::npos);
  EXPECT_NE(message("none.png\tdog\tone\tMIT\tcolor\ttrain\n").find("none.png"), std::string::npos);
  EXPECT_NE(message("red.png\tdog\n").find("index.tsv:2"), std::string::npos);
  EXPECT_NE(message("").find("no sprite"), std::string::npos);
  EXPECT_THROW(Sprites("/nowhere/index.tsv", categories_), Error);
}

TEST_F(PackTest, CategoriesAreChecked) {
  const std::string header = "name\tplural\tkind\tgroup\tcodepoints\n";
  const Categories good(folder_.write("good.tsv", header + "dog\tdogs\tcount\tanimal\tx\n"));
  EXPECT_EQ(good[0].plural, "dogs");
  EXPECT_THROW(Categories(folder_.write("kind.tsv", header + "dog\tdogs\tbig\tanimal\tx\n")),
               Error);
  EXPECT_THROW(Categories(folder_.write("empty.tsv", header)), Error);
  EXPECT_THROW(Categories(folder_.write("column.tsv", "name\nx\n")), Error);
}

TEST(Colors, ExamplesOfTheTable) {
  constexpr Rgb examples[color_count] = {
      {217, 27, 27},  {242, 121, 24},  {240, 218, 36}, {40, 160, 40}, {40, 80, 199},
      {117, 50, 166}, {242, 115, 194}, {115, 69, 34},  {15, 15, 15},  {248, 248, 248}};
  for (int i = 0; i < color_count; ++i)
    EXPECT_EQ(classify(examples[i]), static_cast<Color>(i)) << color_names[static_cast<size_t>(i)];
  EXPECT_EQ(classify({128, 128, 128}), Color::None);
  EXPECT_EQ(classify({110, 20, 20}), Color::Brown) << "a dark red";
}

TEST(Colors, DrawnColorsCarryTheirName) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto color = static_cast<Color>(i % color_count);
    EXPECT_EQ(classify(draw_rgb(color, random)), color) << name(color);
  }
}

} // namespace
} // namespace vlm::scenes
