"""What untrusted inventories, hosts and texts could do: each finding has tests that failed before it was mended."""

from __future__ import annotations

from typing import Final

import pytest

from tests.house.test_findings import Finding, exists

FORK: Final = "scenarios/test_hostile_pull_request.py"
GATE: Final = "clients/hosts/test_login_gate.py"
HISTORY: Final = "inventory/test_history.py"
HOSTILE: Final = "clients/hosts/test_hostile_output.py"
INCLUDES: Final = "inventory/test_includes.py"
PLANS: Final = "operations/test_plan_files.py"
POWERSHELL: Final = "hosts/test_powershell_scripts.py"
RECORDS: Final = "hosts/test_windows_records.py"
RUN: Final = "clients/hosts/test_ssh_run.py"

FINDINGS: Final = {
    1: Finding(
        "git ran code of the pull request, with the secrets in its environment",
        (
            f"{FORK}::test_nothing_of_it_runs_and_nothing_leaves",
            "inventory/test_git.py::test_the_settings_of_every_question",
            f"{HISTORY}::test_git_gets_no_secrets",
            f"{HISTORY}::test_asking_takes_no_lock_and_runs_no_hook",
            f"{HISTORY}::test_attributes_have_no_say_in_what_is_exported",
            f"{HISTORY}::test_a_list_of_commits_to_ignore_is_not_read",
            f"{HISTORY}::test_a_partial_clone_says_how_to_complete_it",
            f"{HISTORY}::test_a_shallow_clone_does_not_know_who_wrote_older_lines",
            f"{HISTORY}::test_what_git_ignores_is_not_committed",
            "operations/test_git_history.py::test_a_repository_that_git_does_not_read_is_said",
        ),
    ),
    2: Finding(
        "--lab ran programs of the inventory on this machine, and kept real passwords",
        (
            f"{FORK}::test_the_lab_reaches_nothing_real",
            "operations/test_previews.py::test_the_lab_needs_no_secret_and_runs_no_program_for_one",
            "lab/test_lab.py::test_no_secret_of_the_user_is_read",
            "lab/test_lab.py::test_a_lab_that_may_hold_real_passwords_is_not_used",
            "scenarios/test_own_playbooks.py::test_without_the_flag_no_script_of_an_inventory_runs_here",
            "lab/hosts/test_linux.py::test_a_shell_sees_the_same_root_as_sftp",
            "lab/hosts/test_linux.py::test_a_shell_sees_this_machines_programs_and_cannot_change_them",
        ),
    ),
    3: Finding(
        "a saved plan whose digest was computed again did what its review did not show",
        (
            f"{FORK}::test_a_plan_of_the_artifact_store_reaches_nothing",
            f"{PLANS}::test_a_plan_of_another_inventory_is_refused_before_anything_is_sent",
            f"{PLANS}::test_nothing_but_what_the_inventory_says_is_done",
            f"{PLANS}::test_a_waiver_in_the_file_does_not_hold_by_itself",
            f"{PLANS}::TestSignatures::test_a_plan_that_changed_after_it_was_signed_is_refused",
            f"{PLANS}::TestSignatures::test_a_signature_for_another_purpose_is_refused",
            "plan/test_packages.py::test_what_the_installer_is_given_is_shown_without_what_may_be_a_secret",
        ),
    ),
    4: Finding(
        "changes of access were invisible, and nothing outside of the inventory pinned it",
        (
            f"{FORK}::test_the_reviewer_sees_it_first",
            f"{FORK}::test_what_the_file_of_trust_does_not_name_is_refused",
            "plan/test_access.py::test_every_setting_of_the_server_the_logins_and_the_connections_shows",
            "plan/test_access.py::test_commands_certificates_and_packages_show",
            "inventory/test_trust.py::test_the_file_is_kept_where_the_inventory_cannot_change_it",
            "cli/test_trust.py::test_an_inventory_beyond_it_is_refused",
        ),
    ),
    5: Finding(
        "live text reached logs of CI as workflow commands, and terminals as it was",
        (
            "render/test_hostile_text.py::test_no_string_of_a_plan_is_obeyed",
            "render/test_hostile_text.py::test_annotations_hold_no_other_commands",
            "render/test_hostile_text.py::test_everything_that_is_printed_goes_the_same_way",
            "cli/test_hostile_text.py::test_the_settings_of_a_server",
            "cli/test_hostile_text.py::test_the_holder_of_a_lock",
            "cli/test_hostile_text.py::test_the_files_of_an_inventory",
        ),
    ),
    6: Finding(
        "include read any file, and output was written through links",
        (
            f"{FORK}::test_a_file_of_the_machine_is_not_read",
            f"{FORK}::test_a_digest_of_a_file_of_the_machine_is_not_shown",
            f"{INCLUDES}::test_a_path_that_leads_out",
            f"{INCLUDES}::test_a_link_that_leads_out",
            f"{INCLUDES}::test_files_of_playbooks_are_inside",
            f"{INCLUDES}::test_a_pattern_looks_at_a_bounded_number_of_files",
            "cli/test_files.py::test_output_is_not_written_through_a_link",
        ),
    ),
    7: Finding(
        "secrets were printed, and Windows recorded them",
        (
            "inventory/test_masking.py::test_hides",
            "inventory/test_masking.py::test_a_login_in_a_sentence_is_hidden",
            "clients/vbo/test_errors.py::test_a_secret_is_masked_as_it_is_escaped",
            "journal/test_location.py::test_a_url_that_cannot_be_read_is_not_repeated",
            f"{POWERSHELL}::test_no_cmdlet_is_given_a_secret",
            f"{POWERSHELL}::test_no_line_hands_a_secret_to_a_cmdlet",
            f"{RECORDS}::test_cmdlets_that_set_the_certificate",
            f"{RECORDS}::test_cmdlets_that_upgrade_proxies",
        ),
    ),
    8: Finding(
        "one host could hang or end the run of all",
        (
            f"{HOSTILE}::test_errors_of_any_length_are_read_in_one_pass",
            f"{HOSTILE}::test_json_that_is_not_safe_to_process_is_the_failure_of_its_host",
            f"{HOSTILE}::test_what_a_script_may_print_is_bounded_before_it_is_parsed",
            "hosts/test_hostile_facts.py::test_every_value_of_every_fact_may_be_of_another_type",
            "house/test_patterns.py::test_steps_grow_with_the_text_and_not_with_its_square",
        ),
    ),
    9: Finding(
        "one mistake locked accounts, and a login shell got the password of sudo",
        (
            f"{GATE}::test_a_rotated_password_is_one_failure_for_ssh",
            f"{GATE}::test_a_rotated_password_is_one_failure_for_ntlm",
            f"{RUN}::test_a_password_that_sudo_refuses_is_not_tried_on_other_hosts",
            f"{RUN}::test_a_password_that_sudo_did_not_ask_for_goes_nowhere",
            f"{RUN}::test_a_login_shell_that_becomes_another_program_is_sent_nothing",
        ),
    ),
    10: Finding(
        "a second factor asked on standard output and read standard input",
        (
            "clients/hosts/test_ssh_second_factor.py::test_a_second_factor_is_named_and_nobody_is_asked",
            "clients/hosts/test_ssh_second_factor.py::test_the_password_answers_one_question_and_no_other",
            "integration/test_ssh.py::test_a_second_factor_is_not_asked_for",
        ),
    ),
    11: Finding(
        "a tab hid a line of known_hosts, folders of others were used, and a slip made a local journal",
        (
            "clients/hosts/test_ssh_login.py::test_tabs_separate_words_of_known_hosts",
            "clients/hosts/test_ssh_login.py::test_a_key_is_revoked_with_tabs_too",
            "hosts/test_package_folder.py::test_a_folder_that_another_account_created_is_refused",
            "hosts/test_package_folder.py::test_rights_of_others_are_removed_from_a_folder_of_administrators",
            "journal/test_location.py::test_a_url_with_a_slip_is_no_local_file",
        ),
    ),
    12: Finding(
        "readers had less care than that of the inventory",
        (
            "fuzz/test_fuzz.py::test_a_reader_bears_many_drawn_cases",
            "fuzz/test_fuzz.py::test_what_was_found_once_is_borne",
            "inventory/test_scalars.py::test_many_aliases_are_cheap_and_bounded",
            "inventory/test_secrets.py::test_a_mark_of_the_encoding_is_not_a_part_of_the_secret",
            "inventory/test_secrets.py::test_a_secret_in_the_environment_is_read_as_one_in_a_file",
            "render/test_diagnostics.py::test_many_diagnostics_are_counted",
            "plan/test_saved.py::test_what_is_not_as_plans_are_is_refused_with_its_place",
        ),
    ),
    13: Finding(
        "the workflow of README had secrets and installs that GitHub advises against",
        (
            "house/test_pipelines.py::test_the_workflow_of_github_is_hardened",
            "house/test_pipelines.py::test_the_workflow_of_github_installs_from_where_the_package_is",
            "house/test_locks.py::test_it_is_made_of_versions_and_digests_alone",
            "house/test_audit.py::test_every_lock_is_audited",
        ),
    ),
}


def test_no_finding_is_missing() -> None:
    assert list(FINDINGS) == list(range(1, 14))


@pytest.mark.parametrize(
    ("number", "test"), [(number, test) for number, found in FINDINGS.items() for test in found.tests]
)
def test_a_finding_has_its_test(number: int, test: str) -> None:
    assert exists(test), FINDINGS[number].what
