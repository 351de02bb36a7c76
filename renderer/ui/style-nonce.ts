/**
 * The word that the page's policy asks of every style element. Mantine is given it; what it takes from elsewhere to hold
 * the page still behind a dialog (get-nonce) looks for it under webpack's name.
 */
export function styleNonce(): string {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
  Object.assign(globalThis, { __webpack_nonce__: nonce })
  return nonce
}
