import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { Breakable } from '../../ui/breakable.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import type { Draft } from './draft.ts'
import type { Tested } from './use-destination-test.ts'

const steps: Record<Tested['steps'][number]['step'], WordKey> = {
  connect: 'window.destinations.step.connect',
  write: 'window.destinations.step.write',
  read: 'window.destinations.step.read',
  remove: 'window.destinations.step.remove',
}

/** Shows the host keys of the server on which it is run. */
const HOST_KEYS = 'for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf "$key"; done'

/** '' if nothing has been confirmed yet. */
export type Confirmed = Pick<Draft, 'hostKey' | 'certificate'>

interface TestResultProps {
  tested: Tested
  /** As confirmed by the user before. */
  confirmed: Confirmed
  /** The user accepts the key or certificate that was found; null if nothing can be changed here. */
  onConfirm: ((changes: Partial<Confirmed>) => void) | null
}

/** Shows the steps and the result of a test, and the key or certificate to confirm. */
export function TestResult({ tested, confirmed, onConfirm }: TestResultProps) {
  const { t, say, format } = useWords()
  const { works, sentence, found } = tested
  const part = useRef<HTMLElement>(null)
  // The result and its actions may be outside the visible area. It is unmounted before the next test.
  useEffect(() => part.current?.closest('form')?.scrollIntoView({ block: 'end' }), [])
  const key = findUnconfirmed(found.hostKey, confirmed.hostKey)
  const certificate = findUnconfirmed(found.certificate, confirmed.certificate)
  const asks = !works && (key !== null || certificate !== null)
  // A working receiver is tested in fewer steps: the others are hidden.
  const shown = tested.steps.filter(({ ms }) => ms !== null || !works)
  return (
    <section
      ref={part}
      className="preview test-result"
      aria-label={t('window.destinations.testTitle')}
      aria-live="polite"
    >
      {!asks && (
        <ul className="steps">
          {shown.map(({ step, done, ms }) => (
            <li key={step}>
              {/* A step that failed in a test that succeeded was not required. */}
              <HealthMark level={done ? 'ok' : ms === null || works ? 'unknown' : 'failing'} />
              <span>{t(steps[step])}</span>
              {ms !== null && <span className="dimmed figures">{format.delay(ms)}</span>}
            </li>
          ))}
        </ul>
      )}
      {!asks && (
        <p className={works ? 'good breakable' : 'card-problem breakable'}>
          <Breakable text={say(sentence)} />
        </p>
      )}
      {key !== null && !works && (
        <Confirmation
          isChanged={confirmed.hostKey !== ''}
          words="hostKey"
          before={confirmed.hostKey}
          found={key}
          onConfirm={onConfirm && (() => onConfirm({ hostKey: key }))}
        />
      )}
      {certificate !== null && !works && (
        <Confirmation
          isChanged={confirmed.certificate !== ''}
          words="certificate"
          before={confirmed.certificate}
          found={certificate}
          onConfirm={onConfirm && (() => onConfirm({ certificate }))}
        />
      )}
      {found.warning !== undefined && <p className="card-problem warn breakable">{say(found.warning)}</p>}
      {found.notes.map((note) => (
        <p key={JSON.stringify(note)} className="dimmed breakable">
          {say(note)}
        </p>
      ))}
    </section>
  )
}

/** Returns the key or certificate that was found; null if it is the confirmed one. */
function findUnconfirmed(found: string | undefined, confirmed: string): string | null {
  return found === undefined || found === confirmed ? null : found
}

interface ConfirmationProps {
  words: 'hostKey' | 'certificate'
  /** Where the right one is shown, instead of the usual hint. */
  hint?: WordKey
  /** A different one was confirmed before. */
  isChanged: boolean
  before: string
  found: string
  onConfirm: (() => void) | null
}

/** Asks whether the key or certificate that the server presents is the right one. */
export function Confirmation({ words, hint, isChanged, before, found, onConfirm }: ConfirmationProps) {
  const { t } = useWords()
  const usualHint: WordKey = `window.destinations.${words}.${isChanged ? 'changedHint' : 'foundHint'}`
  return (
    <div className="confirmation">
      <h3>{t(`window.destinations.${words}.${isChanged ? 'changed' : 'found'}`)}</h3>
      {isChanged && <code className="selectable breakable dimmed">{before}</code>}
      <code className="selectable breakable">{found}</code>
      <p className="dimmed">{t(hint ?? usualHint)}</p>
      {words === 'hostKey' && (
        <Copyable text={HOST_KEYS} label="window.pair.copy" done="window.pair.copied" />
      )}
      {onConfirm !== null && (
        <div>
          <Button size="xs" variant="light" color={isChanged ? 'red' : 'harbour'} onClick={onConfirm}>
            {t(`window.destinations.${words}.${isChanged ? 'trustNew' : 'trust'}`)}
          </Button>
        </div>
      )}
    </div>
  )
}
