import { type Channel, shorten } from './channel.ts'
import { json, post } from './http.ts'

const MOST_CHARACTERS = 40_000
/** Discord accepts Slack's format at /slack, but refuses longer texts. */
const MOST_AT_DISCORD = 2_000

/** Posts to an incoming webhook of Slack, Mattermost, or Discord (with /slack at its end). */
export const slack: Channel = {
  send(letter, given) {
    const { url = '' } = given.secrets
    const most = isDiscord(url) ? MOST_AT_DISCORD : MOST_CHARACTERS
    const text = escaped(shorten(letter.text, most, (part) => escaped(part).length))
    // Without markup, an underscore in a path stays an underscore.
    return post(json(url, { text, mrkdwn: false }), given)
  },
}

/** Escapes the three characters with a special meaning in Slack. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function isDiscord(url: string): boolean {
  return URL.canParse(url) && /(^|\.)discord(app)?\.com$/.test(new URL(url).hostname)
}
