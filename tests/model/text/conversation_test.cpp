// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/error.h"
#include "model/text/conversation.h"
#include "tests/support/fixture.h"

#include <algorithm>

using vlm::Error;
using vlm::ErrorCategory;
using vlm::Turn;

namespace {

std::vector<Turn> turns_of(const nlohmann::json &messages) {
  std::vector<Turn> turns;
  for (size_t i = 0; i < messages.size(); i += 2) {
    turns.push_back({messages[i].get<std::string>(), {}});
    if (i + 1 < messages.size() && !messages[i + 1].is_null())
      turns.back().answer = messages[i + 1].get<std::string>();
  }
  return turns;
}

ErrorCategory category_of(const std::function<void()> &action, std::string *message = nullptr) {
  try {
    action();
  } catch (const Error &error) {
    if (message)
      *message = error.what();
    return error.category();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCategory::Failed;
}

} // namespace

TEST(Conversation, EveryTemplateOfTheReference) {
  const auto templates = vlm::test::read_json("templates.json")["templates"];
  ASSERT_EQ(templates.size(), 20u);
  for (const auto &form : templates)
    for (const auto &[name, item] : form["rendered"].items()) {
      const std::string form_name = form["name"];
      const auto draw = [&, item = item] {
        return vlm::mark_images(vlm::render(form_name, turns_of(item["messages"])));
      };
      if (item["prompt"].is_null())
        EXPECT_EQ(category_of(draw), ErrorCategory::Settings) << form_name << " " << name;
      else
        EXPECT_EQ(draw(), item["prompt"]) << form_name << " " << name;
    }
}

TEST(Conversation, NamesAreThoseOfTheReferenceAndTheEmbeddedModels) {
  std::vector<std::string> names{"vlm_tiny"};
  const auto templates = vlm::test::read_json("templates.json")["templates"];
  for (const auto &form : templates)
    names.push_back(form["name"]);
  std::vector<std::string> got = vlm::template_names();
  std::sort(names.begin(), names.end());
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, names);
}

TEST(Conversation, MessagesOfTheReference) {
  const auto file = vlm::test::read_json("templates.json");
  const std::string question = file["question"], ocr = file["ocr"];
  const auto &cases = file["templates"][0]["rendered"];
  const auto first = [&](const char *name) { return cases[name]["messages"][0]; };
  using vlm::user_message;
  using vlm::with_images;
  EXPECT_EQ(user_message(question, "", false), first("one_turn"));
  EXPECT_EQ(user_message(question, "", true), first("generate"));
  EXPECT_EQ(with_images(user_message(question, ocr, false), 1), first("ocr_image"));
  EXPECT_EQ(with_images(user_message(question, ocr, true), 1), first("ocr_generate_image"));
  EXPECT_EQ(with_images(question, 2), first("two_images"));
  EXPECT_EQ(with_images(question, 0), question);
}

TEST(Conversation, PromptsOfEveryCase) {
  for (const std::string folder : vlm::test::kReferenceModels) {
    const auto file = vlm::test::read_json(folder + "/case.json");
    for (const auto &prompt : file["prompts"]) {
      std::vector<Turn> turns;
      for (const auto &turn : prompt["turns"])
        turns.push_back({turn[0].get<std::string>(), turn[1].get<std::string>()});
      turns.push_back({prompt["question"].get<std::string>(), {}});
      turns[0].question =
          vlm::with_images(turns[0].question, static_cast<int>(prompt["images"].size()));
      EXPECT_EQ(vlm::mark_images(vlm::render(file["template"], turns)), prompt["prompt"]) << folder;
    }
  }
}

TEST(Conversation, TinyTemplate) {
  EXPECT_EQ(vlm::render("vlm_tiny", {{"<image>\nWhat is here?", {}}}),
            "USER: <image>\nWhat is here? ASSISTANT:");
  EXPECT_EQ(vlm::render("vlm_tiny", {{"<image>\nA?", "Yes."}, {"B?", {}}}),
            "USER: <image>\nA? ASSISTANT:Yes.</s>USER: B? ASSISTANT:");
}

TEST(Conversation, SystemTextIsReplacedWhereThereIsAPlace) {
  EXPECT_EQ(vlm::render("vicuna_v1", {{"Hi", {}}}, "Be brief."), "Be brief. USER: Hi ASSISTANT:");
  EXPECT_EQ(vlm::render("chatml_direct", {{"Hi", {}}}, "Be brief."),
            "<|im_start|>system\nBe brief.<|im_end|><|im_start|>user\nHi<|im_end|>"
            "<|im_start|>assistant\n");
  EXPECT_EQ(vlm::render("llama_2", {{"Hi", {}}}, "Be brief."),
            "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST]");
  for (const std::string name : {"gemma", "plain", "vlm_tiny"}) {
    std::string message;
    EXPECT_EQ(category_of(
                  [&] {
                    vlm::render(name, {{"Hi", {}}}, "Be brief.");
                  },
                  &message),
              ErrorCategory::Settings);
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
}

TEST(Conversation, UnknownTemplateIsNamedWithTheKnownOnes) {
  std::string message;
  EXPECT_EQ(category_of(
                [] {
                  vlm::render("vicuna_v9", {{"Hi", {}}});
                },
                &message),
            ErrorCategory::Settings);
  EXPECT_NE(message.find("vicuna_v9"), std::string::npos) << message;
  EXPECT_NE(message.find("vicuna_v1"), std::string::npos) << message;
}

TEST(Conversation, EmptyQuestionsAsTheReference) {
  EXPECT_EQ(vlm::render("v1", {{"", {}}}, "S"), "S USER:ASSISTANT:");
  EXPECT_EQ(vlm::render("gemma", {{"", {}}}), "<start_of_turn>user\n<start_of_turn>model\n");
  EXPECT_EQ(category_of([] { vlm::render("llama_2", {{"", {}}}); }), ErrorCategory::Data);
}

TEST(Conversation, OneImageIsNotMarked) {
  EXPECT_EQ(vlm::mark_images("a<image>b"), "a<image>b");
  EXPECT_EQ(vlm::mark_images("<image><image>"), "Image 1:<image>Image 2:<image>");
  EXPECT_EQ(vlm::mark_images(""), "");
}

TEST(Conversation, GenerationPromptIsTheLastCompleteOne) {
  using vlm::generation_prompt;
  EXPECT_EQ(generation_prompt("Sure. <h> a red fox \n</h> Done."), "a red fox");
  EXPECT_EQ(generation_prompt("<h>a</h><h>b</h>"), "b");
  EXPECT_EQ(generation_prompt("<h>a</h> and <h>b"), "a");
  EXPECT_EQ(generation_prompt("<h>a</h> b</h>"), "a");
  EXPECT_EQ(generation_prompt("<h>a <h>b</h>"), "b");
  EXPECT_EQ(generation_prompt("no tags"), "");
  EXPECT_EQ(generation_prompt("</h><h>"), "");
  EXPECT_EQ(generation_prompt("<h></h>"), "");
}
