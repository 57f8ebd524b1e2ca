// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst-plugin/settings/settingschecks.h"

#include "gst-plugin/settings/generatesettings.h"
#include "gst-plugin/settings/gstvlmsettings.h"
#include "gst-plugin/settings/prompttemplate.h"
#include "model/language/json_schema.h"

namespace gstvlm
{
namespace
{

// A frame that belongs to very many windows would be asked about as often.
constexpr guint64 kMaxOverlapping = 64;

template <typename... Parts>
[[noreturn]] void
refuse (const Parts &... parts)
{
  vlm::fail (vlm::ErrorCategory::Settings, parts...);
}

// The checkpoint's own template is known only when it is loaded.
void
check_template (const Settings &settings)
{
  if (settings.template_name.empty ())
    return;
  vlm::render (settings.template_name, {{settings.prompt, {}}});
  try {
    vlm::render (settings.template_name, {{settings.prompt, {}}},
        settings.system_prompt);
  } catch (const vlm::Error &error) {
    refuse ("system-prompt=\"", *settings.system_prompt, "\": ", error.what ());
  }
}

void
check_mode (const Settings &s)
{
  const bool drops = s.queue_policy == GST_VLM_QUEUE_POLICY_DROP_OLDEST ||
                     s.queue_policy == GST_VLM_QUEUE_POLICY_DROP_NEWEST;
  if (s.mode == GST_VLM_CAPTION_MODE_SYNC && drops)
    refuse ("mode=sync loses nothing, queue-policy=",
        nick (gst_vlm_queue_policy_get_type (), s.queue_policy),
        " drops frames: they contradict each other");
}

void
check_windows (const Settings &s)
{
  if (s.window == 0) {
    if (s.overlap > 0)
      refuse ("overlap=", s.overlap, " needs a window: there is none");
    if (s.frames > 1)
      refuse ("frames=", s.frames, " needs a window: there is none");
    return;
  }
  if (s.interval_is_set)
    refuse ("interval=", s.interval, " and window=", s.window,
        " contradict each other: frames come either one every interval or "
        "together from windows");
  if (s.overlap >= s.window)
    refuse ("overlap=", s.overlap, " must be shorter than window=", s.window);
  if (s.window / (s.window - s.overlap) > kMaxOverlapping)
    refuse ("overlap=", s.overlap, " of window=", s.window, ": more than ",
        kMaxOverlapping, " windows would overlap");
}

void
check_schema (const Settings &s)
{
  if (s.json_schema.empty ())
    return;
  vlm::JsonSchema::parse (s.json_schema);
  if (s.generate == GST_VLM_GENERATE_MODE_ALWAYS)
    refuse ("generate=always asks for a prompt behind the answer, json-schema "
            "takes nothing but JSON: they contradict each other");
}

void
check_prompt (const char * property, const std::string &prompt, bool of_region)
{
  check_question (property, prompt);
  check_placeholders (property, prompt, of_region);
}

void
check_prompts (const Settings &s)
{
  check_prompt ("prompt", s.prompt, false);
  for (const std::string &question : s.questions)
    check_prompt ("questions", question, false);
  if (!s.region_prompt.empty ())
    check_prompt ("region-prompt", s.region_prompt, true);
}

} // namespace

void
check_question (const char * property, const std::string &question)
{
  if (question.empty ())
    refuse (property, "=\"\": there is no question to ask");
  if (!g_utf8_validate (question.c_str (), -1, NULL))
    refuse (property, " is not valid UTF-8");
  if (question.find ("<image>") != std::string::npos)
    refuse (property, "=\"", question,
        "\" holds <image>, which stands for the picture and is put in by the "
        "element");
}

void
check_ocr (const vlm::Engine &engine)
{
  try {
    engine.check_ocr ();
  } catch (const vlm::Error &error) {
    refuse ("ocr=true: ", error.what ());
  }
}

void
check (const Settings &s)
{
  check_mode (s);
  check_windows (s);
  if (s.model.path && s.model.path->empty ())
    refuse ("model-path is empty; leave it unset for the embedded model");
  check_prompts (s);
  if (s.system_prompt && !g_utf8_validate (s.system_prompt->c_str (), -1, NULL))
    refuse ("system-prompt is not valid UTF-8");
  check_template (s);
  check_schema (s);
}

void
check (const GenerateSettings &s)
{
  if (s.model.path && s.model.path->empty ())
    refuse ("model-path is empty; leave it unset for the embedded painter");
  if (!g_utf8_validate (s.negative_prompt.c_str (), -1, NULL))
    refuse ("negative-prompt is not valid UTF-8");
}

} // namespace gstvlm
