import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, MINUTE_MS, unknown, well } from '../../state/condition.ts'
import { isOutdated, movedLink } from '../../state/derived.ts'
import type { AppState } from '../../state/schema.ts'

/** Reports the path with the oldest check result, if that is too old to be trusted. */
export function uncheckedCondition(state: AppState, now: number): FoundCondition[] {
  const { sources, checkedPaths } = state
  const all = [
    ...sources.map((source) => ({ name: source.settings.name, checked: source.checked })),
    ...checkedPaths.map(({ path, checked }) => ({ name: path, checked })),
  ].flatMap(({ name, checked }) => (checked === null ? [] : [{ name, checked }]))
  const old = all
    .filter(({ checked }) => isOutdated(state, checked, now))
    .sort((a, b) => a.checked.at - b.checked.at)[0]
  if (old === undefined) return well({ id: 'unchecked', name: '', source: null }, now)
  const { name, checked } = old
  const subject = { id: 'unchecked', name, source: null }
  const headline = {
    sentence: message('status.notCheckedSince', { name, since: checked.at }),
    detail: message('status.outOfDate'),
  }
  const sentence = message('status.notChecked', { name, since: checked.at })
  return condition(subject, 'worker', checked.at, sentence, 2 * MINUTE_MS, headline)
}

/** Reports paths that were given as links and whose links now point to another place. */
export function linkConditions({ settings, sources, checkedPaths }: AppState, now: number): FoundCondition[] {
  const all = [
    ...settings.sources.map((one) => ({ ...one, source: one.id })),
    ...settings.checkedPaths.map((one) => ({ ...one, name: one.path, source: null })),
  ]
  const verdicts = new Map([
    ...sources.map((one) => [one.settings.id, one.checked] as const),
    ...checkedPaths.map((one) => [one.id, one.checked] as const),
  ])
  return all.flatMap((one): FoundCondition[] => {
    if (one.link === null) return []
    const subject = { id: `link:${one.id}`, name: one.name, source: one.source }
    const checked = verdicts.get(one.id) ?? null
    const sentence = movedLink(one, checked)
    if (sentence !== null) {
      const headline = { sentence: message('status.linkMoved', { name: one.name }), detail: sentence }
      return condition(subject, 'notice', now, sentence, 0, headline)
    }
    // A failed check did not read the link.
    const isKnown = checked !== null && (checked.overall.kind === 'ok' || checked.overall.kind === 'slow')
    return isKnown ? well(subject, now) : unknown(subject)
  })
}
