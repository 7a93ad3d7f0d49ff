# Verifies the SHA-256 of the installation package that upload.ps1 put into the folder of package-install.ps1.
# Arguments: sha256, kind (msi), upload (the path that upload.ps1 printed; empty to ask whether an upload is needed).
# Changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$folder = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
$file = Join-Path $folder "$($Arguments.sha256).$($Arguments.kind)"
$found = ''
if (Test-Path -LiteralPath $file) {
    $found = (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash.ToLower()
}
if ($Arguments.upload -and $found -ne $Arguments.sha256) {
    throw "The SHA-256 of what arrived is $found, and $($Arguments.sha256) is declared: nothing was installed."
}
[Console]::Out.WriteLine((@{ staged = ($found -eq $Arguments.sha256) } | ConvertTo-Json -Compress))
