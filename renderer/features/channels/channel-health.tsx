import type { Message } from '../../../core/lib/i18n/message.ts'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { problemClass } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { type ChannelState, conditions } from './channel-words.ts'
import type { Tested } from './use-channel-test.ts'

interface ChannelHealthProps {
  /** undefined if not known yet. */
  now: ChannelState | undefined
  on: boolean
}

/** Shows a channel's state, since when, and the number of waiting messages. */
export function ChannelHealth({ now, on }: ChannelHealthProps) {
  const { t } = useWords()
  const { word, level } = on
    ? conditions[now?.condition ?? 'unused']
    : ({ word: 'window.channel.off', level: 'unknown' } as const)
  const { condition = 'unused', at = null, waiting = 0 } = now ?? {}
  return (
    <span className="health" data-level={level}>
      <HealthMark level={level} />
      <span className="health-word">{t(word)}</span>
      {at !== null && condition !== 'unused' && (
        <span className="dimmed">
          <Ago at={at} />
        </span>
      )}
      {waiting > 0 && <span className="dimmed">{t('window.channel.waiting', { count: waiting })}</span>}
    </span>
  )
}

/** Shows the result of the last delivery and of a newer test; equal results are shown once. */
export function ChannelSays({ now, on, tested: last }: ChannelHealthProps & { tested: Tested | null }) {
  const { say } = useWords()
  const tested = last !== null && (now?.at ?? 0) <= last.at ? last : null
  const sentence = on ? (now?.sentence ?? null) : null
  const isAnswer = sentence !== null && tested !== null && isSame(sentence, tested.sentence)
  const { level } = conditions[now?.condition ?? 'unused']
  return (
    <>
      {sentence !== null && !isAnswer && (
        <p className={level === 'ok' ? 'dimmed breakable' : problemClass(level)}>{say(sentence)}</p>
      )}
      <div role="status">
        {tested !== null && (
          <p className={tested.delivered ? 'good breakable' : 'card-problem breakable'}>
            {say(tested.sentence)}
          </p>
        )}
      </div>
    </>
  )
}

const isSame = (one: Message, other: Message) => JSON.stringify(one) === JSON.stringify(other)
