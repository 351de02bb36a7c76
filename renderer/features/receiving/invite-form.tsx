import { Button, Loader, Stack, Text } from '@mantine/core'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { encode } from 'uqr'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useNow } from '../../state/now.ts'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'

/** Light modules that a reader needs around the code (ISO/IEC 18004: 4). */
const QUIET_ZONE = 4

interface InviteFormProps {
  /** Fingerprint of the sender that the new one replaces; null: it is an additional one. */
  replaces: string | null
}

/** Shows a pairing code for a new sender, as text and as a QR code, and creates others for several computers. */
export function InviteForm({ replaces }: InviteFormProps) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [terms, setTerms] = useState<Terms>({ uses: 1, minutes: 15 })
  const [answer, setAnswer] = useState<CommandOutput<'inviteSender'> | { sentence: Message } | null>(null)
  useEffect(() => {
    let isOver = false
    setAnswer(null)
    bridge
      .call('inviteSender', { replaces, ...terms })
      .catch((error) => ({ sentence: sentenceOfThrown(error) }))
      .then((given) => !isOver && setAnswer(given))
    return () => {
      isOver = true
    }
  }, [bridge, replaces, terms])
  if (answer === null) return <Loader size="sm" />
  if ('sentence' in answer) return <p className="card-problem breakable">{say(answer.sentence)}</p>
  return (
    <Stack gap="sm">
      <Text size="sm">{t('window.receiving.inviteHint')}</Text>
      <Copyable text={answer.code} label="window.receiving.copyCode" done="window.receiving.copiedCode" />
      {answer.short !== null && (
        <div>
          <Text size="sm">{t('window.receiving.inviteShort')}</Text>
          <Text ff="monospace" className="breakable">
            {answer.short}
          </Text>
        </div>
      )}
      <UsesLeft invitation={answer} />
      <QrCode text={answer.code} />
      {replaces === null && <TermsForm terms={terms} onCreate={setTerms} />}
    </Stack>
  )
}

/** How many computers a code pairs, and its validity. */
interface Terms {
  uses: number
  minutes: number
}

/** Interval between two requests of the remaining uses, in milliseconds. */
const REFRESH_MS = 2_000

/** Shows for how many more computers the code is valid, and until when. */
function UsesLeft({ invitation: { code, uses, expiresAt } }: { invitation: CommandOutput<'inviteSender'> }) {
  const { t, format } = useWords()
  const bridge = useBridge()
  const { value } = useAnswer({
    question: code,
    ask: async () => ({ left: await bridge.call('readInvitation', { code }) }),
    everyMs: REFRESH_MS,
  })
  const now = useNow()
  const left = value === null ? { uses, expiresAt } : value.left
  if (left === null) return <p className="card-problem">{t('window.receiving.inviteOver')}</p>
  const until = format.moment(left.expiresAt, now)
  return (
    <Text size="sm" role="status">
      {t('window.receiving.inviteLeft', { count: left.uses, until })}
      {left.uses > 1 && ` ${t('window.receiving.inviteSecret')}`}
    </Text>
  )
}

const MOST_USES = 1_000
const MOST_MINUTES = 24 * 60

const readWhole = (typed: string, most: number): number | null => {
  const value = /^\d{1,5}$/.test(typed.trim()) ? Number(typed) : 0
  return value >= 1 && value <= most ? value : null
}

/** Creates a code with other terms. */
function TermsForm({ terms, onCreate }: { terms: Terms; onCreate: (terms: Terms) => void }) {
  const { t } = useWords()
  const [draft, setDraft] = useState({ uses: String(terms.uses), minutes: String(terms.minutes) })
  const uses = readWhole(draft.uses, MOST_USES)
  const minutes = readWhole(draft.minutes, MOST_MINUTES)
  const create = (event: FormEvent) => {
    event.preventDefault()
    if (uses !== null && minutes !== null) onCreate({ uses, minutes })
  }
  const field = (name: keyof Terms) => ({
    value: draft[name],
    maxLength: 5,
    onChange: (typed: string) => setDraft((now) => ({ ...now, [name]: typed })),
  })
  return (
    <form onSubmit={create} noValidate>
      <section aria-label={t('window.receiving.inviteMore')}>
        <div className="setting-label">{t('window.receiving.inviteMore')}</div>
        <Stack gap="xs">
          <NumberField
            {...field('uses')}
            label={t('window.receiving.inviteUses')}
            error={uses === null && t('window.receiving.inviteBadUses')}
          />
          <NumberField
            {...field('minutes')}
            label={t('window.receiving.inviteMinutes')}
            unit={t('window.filters.minutes')}
            error={minutes === null && t('window.receiving.inviteBadMinutes')}
          />
        </Stack>
        <Button
          type="submit"
          size="xs"
          mt="xs"
          variant="default"
          disabled={uses === null || minutes === null}
        >
          {t('window.receiving.inviteAgain')}
        </Button>
      </section>
    </form>
  )
}

/** Draws black on white in both themes, as readers expect it. */
function QrCode({ text }: { text: string }) {
  const { t } = useWords()
  const { size, path } = useMemo(() => {
    const code = encode(text, { ecc: 'L', border: QUIET_ZONE })
    const rows = code.data.flatMap((row, y) =>
      row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
    )
    return { size: code.size, path: rows.join('') }
  }, [text])
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t('window.receiving.qr')}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" shapeRendering="crispEdges" />
    </svg>
  )
}
