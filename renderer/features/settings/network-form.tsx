import { Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { parseProxyAddress, proxyExceptionsSchema } from '../../../core/lib/network/proxy.ts'
import { useCommands } from '../../state/commands.tsx'
import { useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { useWords } from '../../words/context.tsx'

interface NetworkFormProps {
  proxy: AppState['settings']['proxy']
  hasPassword: boolean
  onDone: () => void
}

/** Sets the address of the proxy, its login and its exceptions. */
export function NetworkForm({ proxy, hasPassword, onDone }: NetworkFormProps) {
  const { t } = useWords()
  const { ask, tell } = useCommands()
  const before = { address: proxy.address, user: proxy.user, password: '', except: proxy.except.join(' ') }
  const [typed, setTyped] = useState(before)
  const [isTried, setTried] = useState(false)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(JSON.stringify(typed) !== JSON.stringify(before), busy)

  const parsed = parseProxyAddress(typed.address)
  const except = typed.except.split(/[\s,;]+/).filter((one) => one !== '')
  const user = typed.user.trim() || (parsed?.user ?? '')
  const isKept = hasPassword && parsed?.address === proxy.address && user === proxy.user
  const isExceptRight = proxyExceptionsSchema.safeParse(except).success
  const password = typed.password || (parsed?.password ?? '')
  const lacksUser = user === '' && password !== ''
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (parsed === null || !isExceptRight || lacksUser) return
    setBusy(true)
    const outcome = await ask('setProxy', {
      proxy: { use: 'address', address: parsed.address, user, except },
      secrets: password === '' ? {} : { password },
    })
    setBusy(false)
    if (!outcome.done) return setRefusal(outcome.sentence)
    tell('done', message('settings.network.saved'))
    onDone()
  }
  const field = (name: keyof typeof typed) => ({
    value: typed[name],
    maxLength: 2_000,
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) => {
      setTyped({ ...typed, [name]: event.currentTarget.value })
      setRefusal(null)
    },
  })

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          {...field('address')}
          label={t('settings.network.formAddress')}
          description={t('settings.network.formAddressHint')}
          placeholder="http://proxy.example.org:3128"
          withAsterisk
          data-autofocus
          error={isTried && parsed === null && t('settings.network.formAddressBad')}
        />
        <TextInput
          {...field('user')}
          label={t('settings.network.user')}
          autoComplete="off"
          error={isTried && lacksUser && t('settings.network.userMissing')}
        />
        <TextInput
          {...field('password')}
          type="password"
          label={t('settings.network.password')}
          description={isKept && t('settings.network.passwordKept')}
          autoComplete="new-password"
        />
        <TextInput
          {...field('except')}
          label={t('settings.network.except')}
          description={t('settings.network.exceptHint')}
          error={isTried && !isExceptRight && t('settings.network.exceptBad')}
        />
        <FormFoot refusal={refusal} busy={busy} action={t('window.destinations.save')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
