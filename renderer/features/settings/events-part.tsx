import { Button, Switch } from '@mantine/core'
import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { AddButton } from '../../ui/add-button.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from '../overview/describe.ts'
import { HealthMark } from '../overview/health-line.tsx'
import { EventSinkForm } from './event-sink-form.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { PlainSettings } from './plain-setting.tsx'

type Sink = AppState['settings']['events']['sinks'][number]
type SinkState = AppState['eventSinks'][number]

const conditions: Record<SinkState['condition'], { word: WordKey; level: HealthLevel }> = {
  unused: { word: 'window.events.unused', level: 'unknown' },
  ok: { word: 'window.events.ok', level: 'ok' },
  retrying: { word: 'window.events.retrying', level: 'attention' },
}

/** Lists the sinks of events, and adds, tests and removes them. */
export function EventsPart({ state: { settings, eventSinks } }: { state: AppState }) {
  const { t } = useWords()
  const [adding, setAdding] = useState(false)
  const { sinks } = settings.events
  return (
    <SettingsPart title="window.events.title">
      <Setting id="events">
        <p className="dimmed">{t('window.events.explain')}</p>
        {sinks.map((sink) => (
          <SinkRow key={sink.id} sink={sink} now={eventSinks.find(({ id }) => id === sink.id)} />
        ))}
        <div>
          <AddButton label="window.events.add" onClick={() => setAdding(true)} />
        </div>
      </Setting>
      <PlainSettings section="settings.reporting" settings={settings} />
      <FormDialog opened={adding} title={t('window.events.addTitle')} onClose={() => setAdding(false)}>
        <EventSinkForm onDone={() => setAdding(false)} />
      </FormDialog>
    </SettingsPart>
  )
}

function SinkRow({ sink, now }: { sink: Sink; now: SinkState | undefined }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const { send, isSending, tested } = useSinkTest(sink.id)
  const [removing, setRemoving] = useState(false)
  const { id, name, kind, enabled, options, command, types } = sink
  const isCommand = kind === 'command'
  const facts = [
    t(`window.events.kind.${kind}`),
    ...(options.broker === undefined ? [] : [options.broker]),
    ...(types === null ? [] : types),
  ]
  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <Switch
          aria-label={t('window.events.use', { name })}
          checked={enabled}
          disabled={isCommand}
          onChange={() => void run('switchEventSink', { id, on: !enabled })}
        />
      </div>
      <span className="dimmed breakable">{facts.join(' · ')}</span>
      {isCommand && <code className="breakable selectable">{command.join(' ')}</code>}
      {isCommand && <p className="dimmed">{t('window.events.commandHint')}</p>}
      {enabled && now !== undefined && <SinkHealth now={now} />}
      {tested !== null && (
        <p className={tested.delivered ? 'dimmed' : 'card-problem breakable'} role="status">
          {say(tested.sentence)}
        </p>
      )}
      <div>
        <Button size="compact-xs" variant="subtle" loading={isSending} disabled={!enabled} onClick={send}>
          {t('window.events.test')}
        </Button>
        {!isCommand && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="red"
            aria-label={t('window.events.removeName', { name })}
            onClick={() => setRemoving(true)}
          >
            {t('window.web.remove')}
          </Button>
        )}
      </div>
      <Confirm
        opened={removing}
        title={t('window.events.removeTitle', { name })}
        consequences={[t('window.events.removeEffect')]}
        action={t('window.events.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeEventSink', { id }, 'window.events.removed')}
      />
    </section>
  )
}

/** Shows the last result of a sink, and the oldest event that waits for it. */
function SinkHealth({ now: { condition, sentence, waitingSince } }: { now: SinkState }) {
  const { t, say } = useWords()
  const { word, level } = conditions[condition]
  return (
    <>
      <p className="row sender-status">
        <HealthMark level={level} />
        <span className="row-words">
          <span>{t(word)}</span>
          {waitingSince !== null && (
            <span className="dimmed">
              {t('window.events.waiting')} <At at={waitingSince} />
            </span>
          )}
        </span>
      </p>
      {sentence !== null && <p className="card-problem breakable selectable">{say(sentence)}</p>}
    </>
  )
}

/** Sends a test event to a sink and keeps its result. */
function useSinkTest(id: string) {
  const bridge = useBridge()
  const [isSending, setSending] = useState(false)
  const [tested, setTested] = useState<CommandOutput<'testEventSink'> | null>(null)
  const send = async () => {
    setSending(true)
    setTested(null)
    setTested(
      await bridge
        .call('testEventSink', { id })
        .catch((error) => ({ delivered: false, sentence: sentenceOfThrown(error) })),
    )
    setSending(false)
  }
  return { send, isSending, tested }
}
