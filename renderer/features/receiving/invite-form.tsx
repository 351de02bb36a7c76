import { Loader, Stack, Text } from '@mantine/core'
import { useEffect, useMemo, useState } from 'react'
import { encode } from 'uqr'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { useWords } from '../../words/context.tsx'

/** Light modules that a reader needs around the code (ISO/IEC 18004: 4). */
const QUIET_ZONE = 4

/**
 * Shows a pairing code for a new sender, as text and as a QR code.
 * @param replaces the fingerprint of the sender that the new one replaces.
 */
export function InviteForm({ replaces }: { replaces: string | null }) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [answer, setAnswer] = useState<CommandOutput<'inviteSender'> | { sentence: Message } | null>(null)
  useEffect(() => {
    let isOver = false
    bridge
      .call('inviteSender', { replaces })
      .catch((error) => ({ sentence: sentenceOfThrown(error) }))
      .then((given) => !isOver && setAnswer(given))
    return () => {
      isOver = true
    }
  }, [bridge, replaces])
  if (answer === null) return <Loader size="sm" />
  if ('sentence' in answer) return <p className="card-problem breakable">{say(answer.sentence)}</p>
  return (
    <Stack gap="sm">
      <Text size="sm">{t('window.receiving.inviteHint', { minutes: answer.minutes })}</Text>
      <Copyable text={answer.code} label="window.receiving.copyCode" done="window.receiving.copiedCode" />
      <QrCode text={answer.code} />
    </Stack>
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
