import { Button, Switch } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import {
  type WebProxy,
  type WebSettings,
  webProxySchema,
  webRoles,
  webSettingsSchema,
} from '../../../core/settings/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { AddButton } from '../../ui/add-button.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { ChoiceSetting } from './choice-setting.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { SavedNumber } from './saved-number.tsx'
import { SwitchSetting } from './switch-setting.tsx'
import { TextSetting } from './text-setting.tsx'
import { WebTokenForm } from './web-token-form.tsx'

/** Serves this window as a web page, and manages the tokens that give access to it. */
export function WebPart({ state: { settings, web: served } }: { state: AppState }) {
  const { t } = useWords()
  const { ask, run } = useCommands()
  const isPage = useIsPage()
  const [ending, setEnding] = useState(false)
  const [adding, setAdding] = useState(false)
  const { web, webTokens } = settings
  const hasTokens = web.on || webTokens.length > 0
  return (
    <SettingsPart title="window.web.title">
      <Setting id="web">
        <Switch
          label={t('window.web.on')}
          description={t('window.web.hint')}
          checked={web.on}
          onChange={() => {
            if (web.on) setEnding(true)
            else void run('changeSettings', { web: { on: true } })
          }}
          labelPosition="left"
          classNames={{ body: 'switch-body' }}
        />
        {web.on && <Address web={web} served={served} />}
        <SwitchSetting
          label="window.web.link"
          hint="window.web.linkHint"
          value={web.link}
          save={(link) => ask('changeSettings', { web: { link } })}
        />
        {hasTokens && <h3>{t('window.web.tokens')}</h3>}
        {webTokens.map((token) => (
          <TokenRow key={token.id} token={token} />
        ))}
        {hasTokens && webTokens.length === 0 && web.proxy.userHeader === null && (
          <p className="dimmed">{t('window.web.noTokens')}</p>
        )}
        {hasTokens && (
          <div>
            <AddButton label="window.web.addToken" onClick={() => setAdding(true)} />
          </div>
        )}
      </Setting>
      <FormDialog opened={adding} title={t('window.web.addTitle')} onClose={() => setAdding(false)}>
        <WebTokenForm onDone={() => setAdding(false)} />
      </FormDialog>
      <Confirm
        opened={ending}
        title={t('window.web.offTitle')}
        consequences={[t('window.web.offEffect'), ...(isPage ? [t('window.web.offPage')] : [])]}
        action={t('window.web.offAction')}
        dangerous
        onClose={() => setEnding(false)}
        onConfirm={() => run('changeSettings', { web: { on: false } }, 'window.web.isOff')}
      />
    </SettingsPart>
  )
}

const LOOPBACK = '127.0.0.1'
const EVERYWHERE = '0.0.0.0'

/** Shows the page's address, or why there is none, and sets where it listens. Each field is saved by itself. */
function Address({ web, served }: { web: WebSettings; served: AppState['web'] }) {
  const { t, say } = useWords()
  const { ask } = useCommands()
  const isPage = useIsPage()
  const save = (changes: Partial<WebSettings>) => ask('changeSettings', { web: changes })
  const saveSocket = async (typed: string) => {
    const { data: socket } = webSettingsSchema.shape.socket.safeParse(typed || null)
    return socket === undefined ? refuse('window.web.badSocket') : save({ socket })
  }
  const hosts = [
    { value: LOOPBACK, label: t('window.web.here') },
    { value: EVERYWHERE, label: t('window.web.network') },
  ]
  const isOther = hosts.every(({ value }) => value !== web.host)
  return (
    <>
      {served !== null && served.address !== null && (
        <Copyable text={served.address} label="window.web.copyAddress" done="window.web.copiedAddress" />
      )}
      {served !== null && served.certificate !== null && (
        <p className="dimmed breakable selectable">
          {t('window.web.certificate', { certificate: served.certificate })}
        </p>
      )}
      {served !== null && served.problem !== null && (
        <p className="card-problem breakable">{say(served.problem)}</p>
      )}
      {isPage && <p className="dimmed">{t('window.web.moves')}</p>}
      {web.socket === null && (
        <>
          <ChoiceSetting
            label={t('window.web.host')}
            value={web.host}
            // The command line may have set an address of this computer.
            choices={isOther ? [...hosts, { value: web.host, label: web.host }] : hosts}
            save={(host) => save({ host })}
          />
          <SavedNumber
            label={t('window.web.port')}
            hint={t('window.web.portHint')}
            unit=""
            value={web.port}
            check={(typed) => (readPort(typed) === null ? t('window.destinations.invalid.port') : null)}
            save={(typed) => save({ port: readPort(typed) ?? web.port })}
          />
        </>
      )}
      <TextSetting
        label="window.web.names"
        hint="window.web.namesHint"
        longest={2000}
        value={web.names.join(', ')}
        save={async (typed) => {
          const { data: names } = webSettingsSchema.shape.names.safeParse(splitList(typed.toLowerCase()))
          return names === undefined ? refuse('window.web.badNames') : save({ names })
        }}
      />
      <ReverseProxy proxy={web.proxy} />
      <TextSetting
        label="window.web.socket"
        hint="window.web.socketHint"
        longest={200}
        value={web.socket ?? ''}
        save={saveSocket}
      />
    </>
  )
}

const refuse = (key: WordKey) => ({ done: false, sentence: message(key) }) as const

/** Names of users may contain spaces. */
const splitList = (typed: string, separator: RegExp | string = /[\s,]+/): string[] =>
  typed
    .split(separator)
    .map((one) => one.trim())
    .filter(Boolean)

/** Trusts reverse proxies: the addresses and host names that they report, and the users that they have signed in. */
function ReverseProxy({ proxy }: { proxy: WebProxy }) {
  const { t } = useWords()
  const { ask } = useCommands()
  const save = (changes: Partial<WebProxy>) => ask('changeSettings', { web: { proxy: changes } })
  const { addresses, userHeader, operators } = webProxySchema.shape
  return (
    <>
      <h3>{t('window.web.proxy')}</h3>
      <TextSetting
        label="window.web.proxyAddresses"
        hint="window.web.proxyAddressesHint"
        longest={2000}
        value={proxy.addresses.join(', ')}
        save={async (typed) => {
          const { data } = addresses.safeParse(splitList(typed))
          return data === undefined ? refuse('window.web.badProxies') : save({ addresses: data })
        }}
      />
      {proxy.addresses.length > 0 && (
        <TextSetting
          label="window.web.userHeader"
          hint="window.web.userHeaderHint"
          longest={100}
          value={proxy.userHeader ?? ''}
          save={async (typed) => {
            const { data } = userHeader.safeParse(typed || null)
            return data === undefined ? refuse('window.web.badHeader') : save({ userHeader: data })
          }}
        />
      )}
      {proxy.addresses.length > 0 && proxy.userHeader !== null && (
        <>
          <p className="dimmed">{t('window.web.proxyHint')}</p>
          <ChoiceSetting
            label={t('window.web.userRole')}
            value={proxy.role}
            choices={webRoles.map((value) => ({ value, label: t(`window.web.role.${value}`) }))}
            save={(role) => save({ role })}
          />
          {proxy.role === 'viewer' && (
            <TextSetting
              label="window.web.operators"
              hint="window.web.operatorsHint"
              longest={10_000}
              value={proxy.operators.join(', ')}
              save={async (typed) => {
                const { data } = operators.safeParse(splitList(typed, ','))
                return data === undefined ? refuse('window.web.badOperators') : save({ operators: data })
              }}
            />
          )}
        </>
      )}
    </>
  )
}

const readPort = (typed: string): number | null =>
  webSettingsSchema.shape.port.safeParse(/^\d+$/.test(typed.trim()) ? Number(typed) : null).data ?? null

function TokenRow({
  token: { id, name, role, createdAt },
}: {
  token: AppState['settings']['webTokens'][number]
}) {
  const { t } = useWords()
  const { run } = useCommands()
  const [removing, setRemoving] = useState(false)
  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <Button
          size="compact-xs"
          variant="subtle"
          color="red"
          aria-label={t('window.web.removeToken', { name })}
          onClick={() => setRemoving(true)}
        >
          {t('window.web.remove')}
        </Button>
      </div>
      <span className="dimmed">
        <span>{t(`window.web.may.${role}`)}</span> ·{' '}
        <span>
          {t('window.web.created')} <At at={createdAt} />
        </span>
      </span>
      <Confirm
        opened={removing}
        title={t('window.web.removeTitle', { name })}
        consequences={[t('window.web.removeEffect')]}
        action={t('window.web.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeWebToken', { id }, 'window.web.removed')}
      />
    </section>
  )
}
