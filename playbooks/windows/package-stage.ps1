# Verifies the SHA-256 of the installation package that upload.ps1 put into the folder of package-install.ps1.
# Arguments: sha256, kind (msi), upload (the path that upload.ps1 printed; empty to ask whether an upload is needed).
# An upload is needed too if the folder is not private: upload.ps1 makes it so, or refuses. Changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$parent = Join-Path $env:ProgramData 'vbo-reconcile'
$folder = Join-Path $parent 'packages'
$file = Join-Path $folder "$($Arguments.sha256).$($Arguments.kind)"
# Why users who are not administrators could replace a package after its verification; empty if they cannot.
# Every user may create folders in ProgramData, and owns them then.
function Get-Flaw([string]$Path) {
    $own = @('S-1-5-32-544', 'S-1-5-18')
    $kind = [Security.Principal.SecurityIdentifier]
    if ((New-Object IO.DirectoryInfo $Path).Attributes -band [IO.FileAttributes]::ReparsePoint) {
        return "$Path is a link."
    }
    $acl = Get-Acl -LiteralPath $Path
    $owner = $acl.GetOwner($kind).Value
    if ($own -notcontains $owner) {
        return "$Path belongs to ${owner}: another account created it. Remove it, or make Administrators its owner."
    }
    foreach ($rule in @($acl.GetAccessRules($true, $true, $kind))) {
        if ($own -notcontains $rule.IdentityReference.Value) {
            return "$Path can be accessed by $($rule.IdentityReference.Value)."
        }
    }
    return ''
}

$found = ''
$flaw = ''
foreach ($path in $parent, $folder) {
    if (-not $flaw -and (Test-Path -LiteralPath $path)) {
        $flaw = Get-Flaw $path
    }
}
if ($flaw -and $Arguments.upload) {
    throw "$flaw Nothing was installed."
}
if (-not $flaw -and (Test-Path -LiteralPath $file)) {
    $found = (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash.ToLower()
}
if ($Arguments.upload -and $found -ne $Arguments.sha256) {
    throw "The SHA-256 of what arrived is $found, and $($Arguments.sha256) is declared: nothing was installed."
}
[Console]::Out.WriteLine((@{ staged = ($found -eq $Arguments.sha256) } | ConvertTo-Json -Compress))
