import { Button, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Message } from '../../core/lib/i18n/message.ts'
import { sentenceOfThrown } from '../state/thrown.ts'
import { useWords } from '../words/context.tsx'

interface SignInProps {
  computer: string
  /** Why the former session has ended; null: there was none. */
  ended: Message | null
  /** Rejects with the reason of a refusal. */
  signIn: (token: string) => Promise<void>
}

/** Asks for the token that gives access to the page, and names the commands that give access. */
export function SignIn({ computer, ended, signIn }: SignInProps) {
  const { t, say } = useWords()
  const [token, setToken] = useState('')
  const [refusal, setRefusal] = useState(ended)
  const [busy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      await signIn(token.trim())
    } catch (error) {
      setRefusal(sentenceOfThrown(error))
      setBusy(false)
    }
  }
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <Stack gap="sm">
          <h1 className="breakable">{t('page.signIn.title', { computer })}</h1>
          <TextInput
            type="password"
            label={t('page.signIn.token')}
            value={token}
            maxLength={200}
            spellCheck={false}
            autoComplete="current-password"
            autoFocus
            onChange={(event) => {
              setToken(event.currentTarget.value)
              setRefusal(null)
            }}
            error={refusal !== null && say(refusal)}
          />
          <p className="dimmed">{t('page.signIn.hint')}</p>
          <code className="command selectable">holdfast settings web link</code>
          <code className="command selectable">holdfast settings web token add NAME</code>
          <Button type="submit" loading={busy} disabled={token.trim() === ''}>
            {t('page.signIn.action')}
          </Button>
        </Stack>
      </form>
    </main>
  )
}
