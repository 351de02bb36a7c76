import { Box, Button, Group, SegmentedControl, Skeleton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { type LogLine, useLog } from '../../state/log.ts'
import { useOfNow } from '../../state/now.ts'
import { copyText } from '../../ui/copy.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'

type Least = LogLine['level']
const order: readonly Least[] = ['info', 'warn', 'error']

/** Shows the newest lines of the log and follows it. */
export default function LogDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      size="xl"
      title={t('window.log.title')}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <Log />
    </Dialog>
  )
}

function Log() {
  const { t, say } = useWords()
  const { tell } = useCommands()
  const { value: lines, failure } = useLog()
  const [least, setLeast] = useState<Least>('info')
  const shown = lines?.filter(({ level }) => order.indexOf(level) >= order.indexOf(least)) ?? []
  const copy = async () => {
    if (await copyText(shown.map(lineText).join('\n'))) tell('done', message('window.log.copied'))
  }
  return (
    <div className="stack">
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label={t('window.log.level')}
        value={least}
        onChange={(value) => setLeast(order.find((one) => one === value) ?? 'info')}
        data={order.map((value) => ({ value, label: t(`window.log.${value}`) }))}
      />
      {failure !== null && <p className="card-problem breakable">{say(failure)}</p>}
      {lines === null ? <Skeleton height={160} animate={false} /> : <Lines lines={shown} />}
      <Group justify="flex-end">
        <Button size="xs" variant="default" disabled={shown.length === 0} onClick={copy}>
          {t('window.log.copy')}
        </Button>
      </Group>
    </div>
  )
}

/** Scrolls to new lines as long as the end is in view. */
function Lines({ lines }: { lines: readonly LogLine[] }) {
  const { t, format } = useWords()
  const now = useOfNow((moment) => moment - (moment % 60_000))
  const place = useRef<HTMLElement>(null)
  const follows = useRef(true)
  useEffect(() => {
    const box = place.current
    if (box !== null && follows.current) box.scrollTop = box.scrollHeight
  })
  return (
    <Box
      component="section"
      ref={place}
      className="log selectable"
      tabIndex={0}
      aria-label={t('window.log.title')}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        follows.current = scrollTop + clientHeight > scrollHeight - 20
      }}
    >
      {lines.length === 0 && <p className="dimmed">{t('window.log.empty')}</p>}
      {withKeys(lines, lineText).map(({ key, item: line }) => (
        <p key={key} data-level={line.level}>
          <time className="dimmed figures" title={format.fullMoment(line.at)}>
            {format.exactMoment(line.at, now)}
          </time>{' '}
          {line.text}
        </p>
      ))}
    </Box>
  )
}

const lineText = ({ at, level, text }: LogLine) => `${new Date(at).toISOString()} ${level} ${text}`
